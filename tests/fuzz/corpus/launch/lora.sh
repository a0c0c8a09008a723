CUDA_VISIBLE_DEVICES=0,1 python3 -m vllm.entrypoints.openai.api_server --model=meta-llama/Llama-3.1-8B-Instruct -tp=2 \
  --enable-lora --lora-modules sql=/adapters/sql '{"name": "support", "path": "/adapters/support", "base_model_name": "llama"}' \
  --no-enable-prefix-caching -O3 --rope_scaling '{"type": "dynamic"}' --max-modle-len 4096 --disable-log-stats
