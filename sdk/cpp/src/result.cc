#include "bellwether/result.hpp"

namespace bellwether::inline v1 {

Exception::Exception(Error error) : error_{std::move(error)}, text_{error_.to_string()} {}
Exception::~Exception() = default;
Exception::Exception(const Exception&) = default;
Exception& Exception::operator=(const Exception&) = default;

void throw_error(const Error& error) { throw Exception{error}; }

}  // namespace bellwether::inline v1
