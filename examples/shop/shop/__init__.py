"""A shop with the three jobs that people use tasks for: e-mails, a report, and maintenance."""
