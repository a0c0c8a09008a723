#include "importing/vllm.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/read.h"
#include "importing/vllm_flags.h"

namespace bellwether::importing {
namespace {

Launch launch_of(std::string_view command) {
  auto words = split_words(command, Quoting::shell, {}, {});
  EXPECT_TRUE(words.has_value());
  auto launch = launch_from_words(*std::move(words));
  EXPECT_TRUE(launch.has_value()) << (launch ? "" : launch.error().text);
  return launch ? *launch : Launch{};
}

config::Config config_of(const Imported& imported) {
  const auto any = [](const std::string&) { return std::optional<std::string>("secret"); };
  const config::SecretSource secrets{any, any};
  auto result = config::read_config(imported.toml, "t.toml", secrets);
  if (const auto* problems = std::get_if<std::vector<config::Problem>>(&result)) ADD_FAILURE() << config::to_text(problems->front()) << "\n" << imported.toml;
  return std::holds_alternative<config::Config>(result) ? std::get<config::Config>(std::move(result)) : config::Config{};
}

Verdict verdict_of(const Imported& imported, std::string_view field) {
  const auto found = std::ranges::find(imported.findings, field, &Finding::field);
  EXPECT_NE(found, imported.findings.end()) << field;
  return found == imported.findings.end() ? Verdict::unsupported : found->verdict;
}

TEST(VllmFlags, AreInOrder) {
  const auto names = vllm_flag_names();
  EXPECT_TRUE(std::ranges::is_sorted(names));
  for (const std::string_view name : names) EXPECT_NE(find_vllm_flag(name), nullptr) << name;
  EXPECT_EQ(find_vllm_flag("--max_model_len")->name, "--max-model-len");
  EXPECT_EQ(find_vllm_flag("-tp")->name, "--tensor-parallel-size");
  EXPECT_EQ(find_vllm_flag("--compilation-config.level")->name, "--compilation-config");
  EXPECT_EQ(find_vllm_flag("--no-such"), nullptr);
}

TEST(ImportVllm, ServesTheNamesThatVllmServes) {
  const config::Config config = config_of(
      import_vllm(launch_of("vllm serve org/M --served-model-name a b --host 10.0.0.5 --port 9000 --lora-modules x=/x '{\"name\": \"y\", \"path\": \"/y\"}'")));
  ASSERT_EQ(config.models.size(), 3U);
  EXPECT_EQ(config.models[0].id, "a");
  EXPECT_EQ(config.models[0].aliases, (std::vector<std::string>{"b"}));
  EXPECT_EQ(config.upstreams[0].base_url.host, "10.0.0.5");
  EXPECT_EQ(config.upstreams[0].base_url.port, 9000);
  EXPECT_EQ(config.upstreams[0].dialect, catalog::DialectName::vllm);
}

TEST(ImportVllm, TakesEachWayToStartIt) {
  for (const char* command : {"vllm serve M", "/opt/venv/bin/vllm serve M", "python3 -m vllm.entrypoints.openai.api_server --model M",
                              "CUDA_VISIBLE_DEVICES=0 nohup vllm serve M > log 2>&1", "bash -lc 'cd /x && exec vllm serve M'",
                              "docker run --gpus all -p 8000:8000 vllm/vllm-openai:v0.11.0 --model M", "uv run vllm serve M", "env A=b vllm serve --model=M"}) {
    const config::Config config = config_of(import_vllm(launch_of(command)));
    ASSERT_EQ(config.models.size(), 1U) << command;
    EXPECT_EQ(config.models[0].id, "M") << command;
  }
}

TEST(ImportVllm, AContainersPortIsThePublishedOne) {
  const Imported imported = import_vllm(launch_of("docker run -p 127.0.0.1:18000:8000 -e VLLM_API_KEY=hidden vllm/vllm-openai M"));
  const config::Config config = config_of(imported);
  EXPECT_EQ(config.upstreams[0].base_url.port, 18000);
  EXPECT_EQ(config.upstreams[0].api_key, "secret");
  EXPECT_EQ(imported.toml.find("hidden"), std::string::npos);
}

TEST(ImportVllm, NeverRepeatsAKey) {
  const Imported literal = import_vllm(launch_of("vllm serve M --api-key sk-hidden"));
  EXPECT_EQ(literal.toml.find("hidden"), std::string::npos);
  EXPECT_EQ(verdict_of(literal, "--api-key"), Verdict::manual);
  const Imported named = import_vllm(launch_of("vllm serve M --api-key=$MY_KEY"));
  EXPECT_EQ(named.variables, (std::vector<std::string>{"MY_KEY"}));
  EXPECT_EQ(verdict_of(named, "--api-key"), Verdict::exact);
}

TEST(ImportVllm, TellsFlagsThatNobodyKnowsAndTakesTheirValue) {
  const Imported imported = import_vllm(launch_of("vllm serve --max-modle-len 5 M -O3 --gpu-memory-utilization -1"));
  EXPECT_EQ(verdict_of(imported, "--max-modle-len"), Verdict::unsupported);
  EXPECT_EQ(config_of(imported).models[0].id, "M");
}

TEST(ImportVllm, GivesSocketsTlsAndConcurrency) {
  const config::Config uds = config_of(import_vllm(launch_of("vllm serve M --uds /run/vllm.sock")));
  EXPECT_EQ(uds.upstreams[0].base_url.scheme, catalog::Url::Scheme::unix_socket);
  const config::Config tls = config_of(import_vllm(launch_of("vllm serve M --host gpu --ssl-keyfile k --ssl-certfile c --max-num-seqs 64 -dp 2")));
  EXPECT_EQ(tls.upstreams[0].base_url.scheme, catalog::Url::Scheme::https);
  EXPECT_EQ(tls.upstreams[0].concurrency.max, 128U);
}

TEST(ImportVllm, WhatIsNotKnownIsForTheUser) {
  const Imported imported = import_vllm(launch_of("vllm serve $MODEL --port ${PORT} --host $HOST"));
  EXPECT_EQ(verdict_of(imported, "--port"), Verdict::manual);
  EXPECT_TRUE(config_of(imported).models.empty());
}

TEST(LaunchFromSystemd, FollowsContinuedLinesAndEnvironment) {
  const auto launch = launch_from_systemd(
      "[Unit]\nDescription=x\n[Service]\nEnvironment=\"ARGS=--max-num-seqs 8\" PORT=9001\nEnvironment=VLLM_API_KEY=hidden\n"
      "ExecStartPre=/bin/true\nExecStart=-/opt/bin/vllm serve org/M \\\n  # a comment\n  --port ${PORT} \\\n  $ARGS\n[Install]\n");
  ASSERT_TRUE(launch.has_value()) << launch.error().text;
  const Imported imported = import_vllm(*launch);
  const config::Config config = config_of(imported);
  EXPECT_EQ(config.upstreams[0].base_url.port, 9001);
  EXPECT_EQ(config.upstreams[0].concurrency.max, 8U);
  EXPECT_EQ(imported.toml.find("hidden"), std::string::npos);
  const auto port = std::ranges::find(imported.findings, "--port", &Finding::field);
  EXPECT_EQ(port->at, (Place{9, 3}));
  EXPECT_FALSE(launch_from_systemd("[Service]\nExecStart=/bin/nginx\n").has_value());
  EXPECT_FALSE(launch_from_systemd("").has_value());
}

TEST(LaunchFromCompose, TakesTextAndListAndTheImagesEntrypoint) {
  for (const char* command : {"command: --model org/M --port 8001", "command: [\"--model\", \"org/M\", \"--port\", \"8001\"]",
                              "entrypoint: [vllm]\n    command: serve org/M --port 8001", "command: >\n      --model org/M\n      --port 8001"}) {
    const auto launch = launch_from_compose(
        std::string("services:\n  web: {image: nginx}\n  llm:\n    image: vllm/vllm-openai:v0.11\n    ports: [\"9000:8001\"]\n    ") + command + "\n", "");
    ASSERT_TRUE(launch.has_value()) << launch.error().text;
    const config::Config config = config_of(import_vllm(*launch));
    ASSERT_EQ(config.models.size(), 1U) << command;
    EXPECT_EQ(config.models[0].id, "org/M");
    EXPECT_EQ(config.upstreams[0].base_url.port, 9000);
  }
}

TEST(LaunchFromCompose, AsksWhichServiceWhereThereAreSeveral) {
  const std::string yaml = "services:\n  a: {image: vllm/vllm-openai, command: --model A}\n  b: {image: vllm/vllm-openai, command: --model B}\n";
  EXPECT_NE(launch_from_compose(yaml, "").error().text.find("a, b"), std::string::npos);
  EXPECT_EQ(config_of(import_vllm(*launch_from_compose(yaml, "b"))).models[0].id, "B");
  EXPECT_FALSE(launch_from_compose(yaml, "c").has_value());
}

}  // namespace
}  // namespace bellwether::importing
