"""When a schedule is due, and what it creates then. Pure: the operator decides with it, and so does the backend where
there is no cluster. Needs the extra `cron`."""
