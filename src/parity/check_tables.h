// The parts of the table of checks (check.h), and the words that they are written in.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parity/check.h"

namespace bellwether::parity {

void add_basic_checks(std::vector<Check>& all);
void add_stream_checks(std::vector<Check>& all);
void add_parameter_checks(std::vector<Check>& all);
void add_structure_checks(std::vector<Check>& all);
void add_message_checks(std::vector<Check>& all);
void add_error_checks(std::vector<Check>& all);
void add_measure_checks(std::vector<Check>& all);

/// What was said to a probe that a check has asked for; null where the probe could not be made.
[[nodiscard]] const Said* find(const History& history, std::string_view probe);

/// Nothing wrong with these answers: no value. Else what is: refused or broken, or unknown where a probe could not be made.
[[nodiscard]] std::optional<Finding> trouble_in(const History& history, const std::vector<std::string>& probes);

[[nodiscard]] Finding works(std::string value = {}, std::string detail = {});
[[nodiscard]] Finding ignored(std::string detail = {});
[[nodiscard]] Finding unknown(std::string detail);

/// The first 120 bytes, on one line.
[[nodiscard]] std::string excerpt(std::string_view text);

/// A reading for checks that ask no more than that a probe is answered.
[[nodiscard]] std::function<Finding(const History&)> is_answered(std::string probe);

}  // namespace bellwether::parity
