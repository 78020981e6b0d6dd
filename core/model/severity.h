/* How much a finding, an instance or a cluster needs a person. Ordered: a greater one is worse. */
#ifndef DBATOP_MODEL_SEVERITY_H
#define DBATOP_MODEL_SEVERITY_H

enum severity { SEVERITY_OK, SEVERITY_NOTICE, SEVERITY_WARN, SEVERITY_CRIT };
const char *severity_name(enum severity s); /* "ok", "notice", "warn", "crit" */

#endif
