vllm serve deepseek-ai/DeepSeek-V3 --host 0.0.0.0 --port 8000 --api-key "$VLLM_API_KEY" \
  --served-model-name deepseek-v3 deepseek-chat --tensor-parallel-size 8 --max-model-len 65536 --max-num-seqs 256 \
  --enable-auto-tool-choice --tool-call-parser deepseek_v3 --enable-prompt-tokens-details
