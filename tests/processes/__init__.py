"""What only a process of its own can show: signals, forks, PID 1, what is imported, how it ends. No cluster is needed."""
