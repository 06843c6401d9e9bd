"""Waiting for one task and following many: what KubernetesBackend.watch() and result.wait() iterate over.

`steps` has the two protocols, for one task and for many, as generators that do no waiting and no blocking call
themselves. They yield what is to be done:

    Emit(result)           the next result of the iteration
    RunBlocking(function)  run it where blocking is allowed: it keeps its answer
    WaitForChange(limit)   sleep until the subscription wakes, or the limit is over

`changes` drives them, in a thread (`for`) and in an event loop (`async for`), so that each protocol is written once.
"""
