"""Take what task pods report and ask for, and write it to the status. Every replica does, leader or not.

What limits the rate of it, from the connection to the write:

| limit | where | of what |
|---|---|---|
| one name for a token | `authentication` | what a request may cost before it is known to be of a task |
| connections, and their age | `runtime.http_server` | all that is open |
| token buckets, one in flight | `intake` | reports of one attempt; progress has a bucket of its own, so outcomes pass |
| bytes in flight | `intake` | large bodies of a namespace, and of all; results that pods read, too |
| token buckets, some in flight | `task_limits` | requests of one attempt by kind; in flight of a namespace and of all |
| `STARTED_DELAY`, `DELAYED_STARTS_MAX` | `recorder` | the write of a start, which most outcomes overtake and save |
| `ConflatingThrottle` | `throttle` | writes of one attempt's progress: one a second, of the latest report |
| writes in flight | `runtime.client` | all writes of this process; apart from them, `task_requests` has some for pods |
| a wait after 429 | `runtime.transport` | a request that the API server throttles |

What is refused is answered with 429 or 503 and Retry-After. The figures stand where the limits are. Those of an
attempt go by what its token signs, and not by the name in the URL.
"""
