#include "audit/rotation.h"

#include <gtest/gtest.h>

namespace bellwether::audit {
namespace {

TEST(Rotation, WhatItAppendsIsTakenOff) {
  for (const char* path : {"/var/log/vllm.log", "/var/log/vllm.log.1", "/var/log/vllm.log.12.gz", "/var/log/vllm.log-20261124", "/var/log/vllm.log-20261124.gz",
                           "/var/log/vllm.2026-11-24.log.zst", "/var/log/vllm-2026-11-24.log", "/var/log/vllm.log.20261124-101500.gz", "/var/log/vllm.log.old"})
    EXPECT_EQ(rotation_stem(path), "/var/log/vllm") << path;
}

TEST(Rotation, NamesOfReplicasStay) {
  EXPECT_NE(rotation_stem("vllm-0.log"), rotation_stem("vllm-1.log"));
  EXPECT_NE(rotation_stem("vllm.0.log"), rotation_stem("vllm.1.log.gz"));
  EXPECT_NE(rotation_stem("gpu-1/vllm.log"), rotation_stem("gpu-2/vllm.log"));
  EXPECT_NE(rotation_stem("server.8000.log"), rotation_stem("server.8001.log"));
  EXPECT_EQ(rotation_stem("0.log"), "0");
  EXPECT_EQ(rotation_stem(""), "");
}

}  // namespace
}  // namespace bellwether::audit
