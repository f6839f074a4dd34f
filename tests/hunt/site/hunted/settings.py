"""The example site's settings, the hunt's app, and the router that `ROUTER` names: dormouse, guide or multidb."""

import os

from config.settings import *  # noqa: F403
from config.settings import INSTALLED_APPS, MIDDLEWARE

import django_dormouse

ROUTER = os.environ["ROUTER"]

INSTALLED_APPS = [*INSTALLED_APPS, "hunted"]
ROOT_URLCONF = "hunted.urls"
# Logging in is to be about sessions, not about hashing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if os.environ.get("POOL"):
    # Under ASGI each request has a thread of its own, and a kept connection would never be used again.
    DATABASES = django_dormouse.databases(pool={"min_size": 1, "max_size": int(os.environ["POOL"])})
else:
    DATABASES = django_dormouse.databases(conn_max_age=600)

if ROUTER != "dormouse":
    MIDDLEWARE = [each for each in MIDDLEWARE if not each.startswith("django_dormouse.")]
    for entry in DATABASES.values():
        # To the other routers these are databases like any other.
        entry["DORMOUSE"] = {}
if ROUTER == "guide":
    DATABASES = {"default": DATABASES["default"], "read_replica": DATABASES["replica"]}
    DATABASE_ROUTERS = ["hunted.routers.ReplicaRouter"]
if ROUTER == "multidb":
    REPLICA_DATABASES = ["replica", "replica2"]
    DATABASE_ROUTERS = ["multidb.PinningReplicaRouter"]
    MIDDLEWARE = ["multidb.middleware.PinningRouterMiddleware", *MIDDLEWARE]
