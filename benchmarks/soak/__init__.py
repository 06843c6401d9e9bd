"""A steady load with random faults: at the end every task is accounted for, and the memory has not grown."""
