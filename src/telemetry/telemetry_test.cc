#include <gtest/gtest.h>

#include "telemetry/access_log.h"
#include "telemetry/histogram.h"
#include "telemetry/metrics.h"

namespace bellwether::telemetry {
namespace {

RequestRecord sample() {
  RequestRecord record;
  record.request_id = "req_1";
  record.endpoint = "/v1/chat/completions";
  record.method = "POST";
  record.model = "m";
  record.upstream = "u";
  record.status = 200;
  record.attempts = 1;
  record.usage = {.input = 7, .cached_input = 2, .output = 3, .reasoning_output = 1, .basis = metering::Basis::reported, .absurd = false};
  record.total = std::chrono::milliseconds(20);
  record.overhead = std::chrono::microseconds(40);
  return record;
}

bool has_line(const std::string& page, const std::string& line) { return page.find("\n" + line + "\n") != std::string::npos; }

TEST(MetricsPage, AddsUpTheLanes) {
  Metrics one, two;
  one.count(sample());
  two.count(sample());
  two.count_attempt("u", "ok");
  one.requests_in_flight.add(3);
  const std::array<const Metrics*, 2> lanes{&one, &two};
  const std::string page = to_prometheus(lanes, {});
  EXPECT_TRUE(has_line(page, R"(bellwether_requests_total{route="/v1/chat/completions",model="m",upstream="u",code="200"} 2)")) << page;
  EXPECT_TRUE(has_line(page, R"(bellwether_tokens_total{model="m",upstream="u",type="prompt"} 14)"));
  EXPECT_TRUE(has_line(page, R"(bellwether_upstream_attempts_total{upstream="u",outcome="ok"} 1)"));
  EXPECT_TRUE(has_line(page, "bellwether_inflight_requests 3"));
  EXPECT_TRUE(has_line(page, R"(bellwether_overhead_seconds_bucket{model="m",upstream="u",le="3.5e-05"} 0)"));
  EXPECT_TRUE(has_line(page, R"(bellwether_overhead_seconds_bucket{model="m",upstream="u",le="5e-05"} 2)"));
  EXPECT_TRUE(has_line(page, R"(bellwether_overhead_seconds_count{model="m",upstream="u"} 2)"));
}

TEST(MetricsPage, TellsRequestsApartThatTakeTurns) {
  Metrics metrics;
  RequestRecord other = sample();
  other.status = 429;
  RequestRecord longer = sample();
  longer.model = "mm";
  for (int round = 0; round < 3; ++round) {
    for (const RequestRecord& record : {sample(), other, longer}) metrics.count(record);
    for (const std::string_view outcome : {"ok", "upstream_down", "ok"}) metrics.count_attempt("u", outcome);
  }
  const std::array<const Metrics*, 1> lanes{&metrics};
  const std::string page = to_prometheus(lanes, {});
  for (const char* labels : {R"(model="m",upstream="u",code="200")", R"(model="m",upstream="u",code="429")", R"(model="mm",upstream="u",code="200")"})
    EXPECT_TRUE(has_line(page, "bellwether_requests_total{route=\"/v1/chat/completions\"," + std::string(labels) + "} 3")) << page;
  EXPECT_TRUE(has_line(page, R"(bellwether_upstream_attempts_total{upstream="u",outcome="ok"} 6)"));
  EXPECT_TRUE(has_line(page, R"(bellwether_upstream_attempts_total{upstream="u",outcome="upstream_down"} 3)"));
}

TEST(MetricsPage, EscapesWhatStandsInLabels) {
  Metrics metrics;
  RequestRecord record = sample();
  record.model = "a\"b\\c";
  metrics.count(record);
  const std::array<const Metrics*, 1> lanes{&metrics};
  EXPECT_NE(to_prometheus(lanes, {}).find(R"(model="a\"b\\c")"), std::string::npos);
}

TEST(Histogram, PutsABoundIntoItsOwnBucket) {
  Histogram histogram{overhead_bounds_us};
  histogram.add(std::chrono::microseconds(10));
  histogram.add(std::chrono::nanoseconds(10'001));
  histogram.add(std::chrono::hours(1));
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.bucket(1), 1U);
  EXPECT_EQ(histogram.bucket(16), 1U);
}

TEST(AccessLine, IsOneJsonObject) {
  RequestRecord record = sample();
  record.failure = "upstream_broken";
  record.detail = "line\nbreak";
  std::string line;
  WallClockText clock;
  append_access_line(line, record, clock);
  EXPECT_EQ(line, R"({"at":"1970-01-01T00:00:00.000Z","request_id":"req_1","method":"POST","endpoint":"/v1/chat/completions","status":200,"model":"m",)"
                  R"("upstream":"u","attempts":1,"input_tokens":7,"cached_input_tokens":2,"output_tokens":3,"usage_basis":"reported","total_ms":20.000,)"
                  R"("overhead_ms":0.040,"failure":"upstream_broken","detail":"line\nbreak"})");
}

}  // namespace
}  // namespace bellwether::telemetry
