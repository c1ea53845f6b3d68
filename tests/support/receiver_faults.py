"""Receivers of webhooks that fail, hang, redirect and come back, by chance: the plan under which
webhooks are tested, and measured beside MLflow's."""

import random

from tests.support.receiver import HANG, Answer


def fails(made: random.Random) -> Answer:
    return made.choice((500, 502, 429, 503, 204, 204, 204, 404))


def hangs(made: random.Random) -> Answer:
    return HANG if made.random() < 0.05 else 204


def redirects(made: random.Random) -> Answer:
    is_away = made.random() < 0.3
    return (307, {"location": "http://127.0.0.1:9/elsewhere"}) if is_away else 200


def takes(made: random.Random) -> Answer:
    return 202


BEHAVIOURS = {"fails": fails, "hangs": hangs, "redirects": redirects, "takes": takes}
