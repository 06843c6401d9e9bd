"""The part of client-go that the operator needs: API client, reflector, work queue, controller, leader election.

It knows no DjangoTask, and could be a library of its own. It exists because nothing on PyPI serves here, as measured
for docs/decisions/05:

- A write costs 0.2 to 0.4 ms of CPU on aiohttp and 1.3 ms with the generated client (`kubernetes.aio`).
- A watch event costs 0.45 ms in kopf even with its storages emptied, and a task of the event loop an object. In a burst
  that was half of the operator's CPU time.
- kopf does not say what was deleted while its watch was expired, so a cache on its events alone leaks.
- No Python library has client-go's work queue: deduplicated keys, one worker a key, backoff a key.
- In `kubernetes.leaderelection` 37 a network error ends the election, and not what the leader does.
"""
