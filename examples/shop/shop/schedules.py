"""What the shop does by itself. `manage.py schedules sync` brings it to a cluster; k8s/schedules.yaml is made of it."""

from django_tasks_kubernetes.schedules import schedule

from .maintenance import clean_up

schedule("17 3 * * *", timezone="Europe/Berlin", starting_deadline=6 * 3600)(clean_up)
