// The push parser: the same events however the bytes were cut, and every document that json::Reader takes has an end.
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "json/events.h"

using namespace bellwether;

namespace {

class Recorder final : public json::Handler {
 public:
  Children begin(json::Path path, json::Kind, std::string_view key) override {
    add('b', path, key);
    ++open;
    return path % 7 == 0 ? Children::from_root : Children::onwards;
  }
  void end(json::Path path, json::Kind) override {
    add('e', path, {});
    BW_CHECK(open-- > 0);
  }
  bool wants(json::Path path) override { return path % 3 != 0; }
  void value(json::Path path, json::Kind, std::string_view key, std::string_view text) override { add('v', path, std::string(key) + "=" + std::string(text)); }
  void broken(Trouble) override {
    add('x', 0, {});
    open = 0;
    is_broken = true;
  }

  std::vector<std::string> told;
  int open = 0;
  bool is_broken = false;

 private:
  void add(char what, json::Path path, std::string_view text) { told.push_back(what + std::to_string(path) + std::string(text)); }
};

Recorder read(std::string_view bytes, std::size_t step) {
  Recorder recorder;
  json::Events events{recorder};
  for (std::size_t at = 0; at < bytes.size(); at += step) events.feed(bytes.substr(at, step));
  events.finish();
  BW_CHECK(recorder.open == 0);
  return recorder;
}

bool has_long_number(std::string_view bytes) {
  std::size_t run = 0;
  for (const char c : bytes) {
    run = std::string_view("0123456789+-.eE").contains(c) ? run + 1 : 0;
    if (run > json::Events::scalar_max) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Recorder whole = read(bytes, size + 1);
  BW_CHECK(read(bytes, 1).told == whole.told);
  BW_CHECK(read(bytes, 5).told == whole.told);
  // What the strict reader takes, this one takes too, but for depth and for numbers of very many digits.
  std::string padded(bytes);
  padded.append(json::padding, '\0');
  json::Reader reader;
  const bool is_strict = reader.members({padded.data(), size}).has_value();
  if (is_strict && size < json::Events::depth_max && !has_long_number(bytes)) BW_CHECK(!whole.is_broken);
  return 0;
}
