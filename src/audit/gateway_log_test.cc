#include "audit/gateway_log.h"

#include <gtest/gtest.h>

#include "support/audit_told.h"

namespace bellwether::audit {
namespace {

constexpr std::string_view log =
    R"({"at":"2026-01-02T03:04:05.000Z","request_id":"req_1","method":"POST","endpoint":"/v1/chat/completions","status":200,"model":"deepseek-chat","upstream":"onprem","key_id":"k1","account":"default","stream":true,"attempts":2,"input_tokens":20,"cached_input_tokens":4,"output_tokens":8,"usage_basis":"reported","legs":[{"upstream":"a","outcome":"upstream_broken","input_tokens":20,"output_tokens":3,"usage_basis":"reported"}],"total_ms":1500.250,"overhead_ms":0.100,"first_token_ms":99.600}
{"at":"2026-01-02T03:04:06.000Z","request_id":"req_2","method":"POST","endpoint":"/v1/chat/completions","status":499,"model":"deepseek-chat","caller_gone":true,"total_ms":10.000,"overhead_ms":0.100}
{"at":"2026-01-02T03:04:06.000Z","request_id":"req_3","method":"GET","endpoint":"/healthz","status":200,"total_ms":0.010,"overhead_ms":0.010}
{"at":"2026-01-02T03:04:07.000Z","request_id":"req_4","method":"POST","endpoint":"/v1/embeddings","status":502,"failure":"upstream_down","total_ms":1.000,"overhead_ms":0.100}
)";

TEST(GatewayLog, IsReadWithItsTokensAndTimes) {
  const Told told = told_by_maker(make_gateway_log, log);
  EXPECT_EQ(told.told,
            (std::vector<std::string>{"request id=req_1 model=deepseek-chat end=1767323046500 latency=1500 first=100 in=20 cached=4 out=8 features=1",
                                      "request id=req_2 model=deepseek-chat end=1767323046010 latency=10 outcome=2",
                                      "request id=req_4 end=1767323047001 latency=1 outcome=1 features=40000"}));
  EXPECT_EQ(told.skips.at(Skip::excluded), 1U);
  EXPECT_EQ(told.logs[0], RequestLog::gateway);
  EXPECT_TRUE(looks_like_gateway_log(log));
}

}  // namespace
}  // namespace bellwether::audit
