-- Cycles through prepared requests, and prints what happened as one line of JSON.
-- Lines of BENCH_REQUESTS: method, path, and a token or nothing, one blank apart.
local prepared, position = {}, tonumber(os.getenv("BENCH_OFFSET") or "0")

function init()
  local bytes = tonumber(os.getenv("BENCH_BODY_BYTES") or "0")
  local body = bytes > 0 and string.rep("x", bytes) or nil
  for line in io.lines(os.getenv("BENCH_REQUESTS")) do
    local method, path, token = line:match("^(%S+) (%S+) ?(%S*)$")
    local headers = { ["User-Agent"] = "wrk", ["Accept"] = "*/*" }
    if token ~= "" then headers["Authorization"] = "Bearer " .. token end
    prepared[#prepared + 1] = wrk.format(method, path, headers, body)
  end
end

function request()
  position = position + 1
  return prepared[(position - 1) % #prepared + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
