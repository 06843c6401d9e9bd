"""The demo: from no cluster at all to the results of four tasks and a workflow."""
