/* Moments of a fleet that screens and benches are judged by. Each fills an empty fixture. */
#ifndef DBATOP_TESTS_SUPPORT_SCENES_H
#define DBATOP_TESTS_SUPPORT_SCENES_H

#include "tests/support/fixture.h"

/* Three PostgreSQL of a shop, two MySQL of its billing, one MariaDB: 4711 is idle in a transaction and holds
 * nine others up, a replica's replay is paused, a server does not answer. */
void scene_incident(struct fixture *f);
/* One PostgreSQL, nobody there. */
void scene_empty(struct fixture *f);
/* The incident, 14 s after its first instance last answered. */
void scene_stale(struct fixture *f);
/* Nothing has ever been read: one is down, one connects. */
void scene_error(struct fixture *f);
/* A login without privileges. */
void scene_denied(struct fixture *f);
/* `instances` PostgreSQL with `sessions` each, a tenth of them active, some blocked. */
void scene_many(struct fixture *f, int instances, int sessions);
/* One of them has answered again: the same sessions. */
void scene_many_again(struct fixture *f, size_t instance, int sessions);
/* Names and statements of people who write in many ways, and of people who mean harm. */
void scene_hostile(struct fixture *f);

#endif
