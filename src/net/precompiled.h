// Asio's templates, parsed once for each room that does I/O.
#pragma once

#include <boost/asio.hpp>
