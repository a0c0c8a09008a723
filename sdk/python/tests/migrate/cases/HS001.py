#: found
import re
vllm = re.findall('input tokens: ([0-9]+) .* output tokens: ([0-9]+)', open("vllm.log").read())
#: found
import re
# the vLLM server's log
m = re.search(r"Completion tokens = (?P<n>\d+)", "")
#: found
import re
PATTERN = re.compile(r"Input tokens:\s*(\d+)"
                     r".*Output tokens:\s*(\d+)")
#: clean
import re
# vllm bench serve prints this at its end
m = re.search(r"Total input tokens:\s+(\d+)", "")
#: clean
import re
m = re.search(r"input tokens: (\d+)", "our own log")
#: clean
# vllm
print("Input tokens: 5, Output tokens: 7")
