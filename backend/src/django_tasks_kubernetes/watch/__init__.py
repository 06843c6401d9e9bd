"""One watch for all who wait in a process: informer-style, with one watch for any number of subscribers.

    KubernetesBackend.watch(), result.wait()         waiting/: iterate, in a thread or in a coroutine
            │ subscribe                ▲ wake, take
            ▼                          │
    SharedWatch (shared.py) ──put──▶ Subscription (subscription.py)
      │ watch thread      │ read thread      one a caller, conflated to the newest state of each task
      ▼                   ▼
    WatchStream         Client.get, Client.find
    (stream.py)           reads tasks when a subscription begins, and after RelistNeeded
      │
      ▼
    Event (events.py) ◀── one line of the API server's response

A `WatchStream` is the list-and-watch loop of one thread. It reconnects with backoff from the last resourceVersion,
and yields RelistNeeded where it cannot (410 Gone), as client-go's Reflector does. `SharedWatch` starts it for the first
subscription, and closes it a while after the last. There is no cache: a web process waits for few of the tasks that
there are, so the events of all others are dropped unparsed.
"""
