"""Large arguments and results, as files in one of the project's STORAGES."""
