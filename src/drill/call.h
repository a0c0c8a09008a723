// One call as its caller saw it, and what is to be thought of it. Pure: bytes in, a verdict out; the drill makes the calls.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "sse/framer.h"

namespace bellwether::drill {

/// How the reply's bytes ended.
enum class Ending : std::uint8_t { complete, broken, timed_out };

/// What a caller can see of a reply.
struct Call {
  int status = 0;  ///< 0: no head came.
  Ending ending = Ending::broken;
  std::string text;          ///< Of the answer.
  unsigned finishes = 0;     ///< How often a finish_reason was told.
  bool has_usage = false;    ///< Counts that add up.
  bool is_garbled = false;   ///< Something in it is not what the API says.
  bool is_error = false;     ///< An error as the SDKs read it, as the reply or in the stream.
  std::string first_source;  ///< The upstream that the head names.
  std::string source;        ///< The upstream that the answer names.
};

/// Reads one reply. Not thread-safe.
class CallReader {
 public:
  void head(int status, std::string_view content_type, std::string_view upstream);
  void piece(std::string_view bytes);
  [[nodiscard]] Call end(Ending ending) &&;

 private:
  void event(std::string_view data);
  void document(std::string_view text);

  Call call_;
  bool events_ = false;
  bool done_ = false;
  std::string body_;  ///< Where it is not a stream.
  sse::Framer framer_;
};

/// The first three are what a gateway may let happen. The rest are worse: what a caller takes for the truth and is not, or cannot end.
enum class Verdict : std::uint8_t {
  served,
  rescued,      ///< Served, and not by the upstream that had begun it.
  clean_error,  ///< An error that the SDKs raise; nothing before it was wrong.
  truncated,    ///< Not all of the answer, and said to be complete.
  wrong_text,   ///< Not the answer's text.
  garbled,      ///< Not what the API says: broken JSON, two ends, something after the end.
  broken_off,   ///< The connection ended without a word.
  hung,         ///< No end within the bound.
  unaccounted,  ///< Served, but without usage or without the upstream's name.
};
inline constexpr std::array<std::string_view, 9> verdict_names{"served",  "rescued",    "clean_error", "truncated",  "wrong_text",
                                                               "garbled", "broken_off", "hung",        "unaccounted"};
[[nodiscard]] constexpr bool is_worse(Verdict verdict) { return verdict > Verdict::clean_error; }

/// Whether answers must say who gave them: upstreams themselves do not.
enum class Source : bool { unneeded, needed };
/// `expected` is the whole answer's text.
[[nodiscard]] Verdict judge(const Call& call, std::string_view expected, Source source);

}  // namespace bellwether::drill
