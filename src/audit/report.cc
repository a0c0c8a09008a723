#include "audit/report.h"

#include <algorithm>

namespace bellwether::audit {

std::string_view name_of(Basis basis) {
  switch (basis) {
    case Basis::counted: return "counted";
    case Basis::integrated: return "integrated";
    case Basis::estimated: return "estimated";
    case Basis::unknown: return "unknown";
  }
  return "unknown";
}

void add(Figure& sum, const Figure& part) {
  if (part.basis == Basis::unknown) return;
  const bool was_nothing = sum.value == 0 && sum.high == 0, is_nothing = part.value == 0 && part.high == 0;
  sum.value += part.value;
  sum.low += part.low;
  sum.high += part.high;
  // A nothing takes nothing from the basis of the rest.
  sum.basis = sum.basis == Basis::unknown || was_nothing ? part.basis : is_nothing ? sum.basis : std::max(sum.basis, part.basis);
}

void add(Quantities& sum, const Quantities& part) {
  for (std::size_t i = 0; i < quantity_count; ++i) add(sum.of[i], part.of[i]);
}

bool Report::is_empty() const {
  for (const SourceRow& source : sources)
    if (source.recognised() > 0) return false;
  return true;
}

}  // namespace bellwether::audit
