// Asio's non-template half, compiled here and nowhere else.
#include <boost/asio/impl/src.hpp>
