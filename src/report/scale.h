// From figures to places on a drawing, and the figures worth a tick.
#pragma once

#include <string>
#include <vector>

namespace bellwether::report {

enum class Spacing : std::uint8_t { linear, logarithmic };

class Scale {
 public:
  /// `from` and `to` are where `low` and `high` lie. Logarithmic scales need `low` above zero.
  Scale(Spacing spacing, double low, double high, double from, double to);
  [[nodiscard]] double at(double value) const;
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }
  /// Round figures within the scale, some `count` of them.
  [[nodiscard]] std::vector<double> ticks(int count) const;

 private:
  Spacing spacing_;
  double low_, high_, from_, to_;
};

/// The least round figure (1, 2 or 5 times a power of ten) that is not below.
[[nodiscard]] double round_up(double value);

/// "$0", "$750", "$1.2k", "$14.6k", "$2M"; "−$3k".
[[nodiscard]] std::string short_usd(double usd);
/// "250k", "1M", "44.7B", "2T".
[[nodiscard]] std::string short_count(double count);

}  // namespace bellwether::report
