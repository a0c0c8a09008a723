nohup vllm serve Qwen/Qwen2.5-7B-Instruct --uds /run/vllm/vllm.sock --enable-request-id-headers > /var/log/vllm.log 2>&1 &
