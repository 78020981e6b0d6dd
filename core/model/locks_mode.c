/* Which lock modes exclude each other, by the servers' own rules. The feeds hand over the engine's word; that
 * all judgement is here keeps the statements simple and the edges of all engines testable in one place. */
#include <string.h>
#include <strings.h>

#include "core/model/locks_parts.h"

/* 1. Kinds. */

static const char *const kind_names[LOCK_KINDS] = {
        [LOCK_ROW] = "row",
        [LOCK_TUPLE] = "tuple",
        [LOCK_TRANSACTION] = "transaction",
        [LOCK_VIRTUAL] = "virtual transaction",
        [LOCK_RELATION] = "relation",
        [LOCK_EXTEND] = "extend",
        [LOCK_PAGE] = "page",
        [LOCK_OBJECT] = "object",
        [LOCK_ADVISORY] = "advisory",
        [LOCK_METADATA] = "metadata",
        [LOCK_TABLE] = "table",
        [LOCK_GLOBAL_READ] = "global read",
        [LOCK_BACKUP] = "backup",
        [LOCK_USER] = "user",
        [LOCK_SAFE_SNAPSHOT] = "safe snapshot",
        [LOCK_BUFFER_PIN] = "buffer pin",
        [LOCK_RECOVERY] = "recovery conflict",
        [LOCK_OTHER] = "other",
};

const char *lock_kind_name(enum lock_kind k)
{
	return kind_names[k];
}

enum lock_kind lock_kind_parse(const char *word)
{
	for (int k = 0; word != NULL && k < LOCK_KINDS; k++) {
		if (strcmp(word, kind_names[k]) == 0)
			return (enum lock_kind)k;
	}
	return LOCK_OTHER;
}

enum lock_family lock_family_of(enum engine engine, enum lock_kind kind)
{
	if (kind == LOCK_SAFE_SNAPSHOT || kind == LOCK_BUFFER_PIN || kind == LOCK_RECOVERY)
		return FAMILY_UNKNOWN;
	if (engine == ENGINE_POSTGRES)
		return FAMILY_POSTGRES;
	switch (kind) {
	case LOCK_ROW:
	case LOCK_TABLE:
		return FAMILY_INNODB;
	case LOCK_METADATA:
		return FAMILY_MDL;
	case LOCK_GLOBAL_READ:
	case LOCK_BACKUP:
		return FAMILY_SCOPED;
	default:
		return FAMILY_UNKNOWN;
	}
}

/* 2. PostgreSQL: one table for all kinds; the queue honours the same conflicts. */

static const char *const postgres_modes[] = {NULL, "AccessShareLock", "RowShareLock", "RowExclusiveLock",
        "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock",
        "AccessExclusiveLock"};
enum { POSTGRES_MODES = sizeof(postgres_modes) / sizeof(postgres_modes[0]) };

/* Bit m: excludes mode m. */
static const uint16_t postgres_conflicts[POSTGRES_MODES] = {0, 1u << 8, 1u << 7 | 1u << 8,
        1u << 5 | 1u << 6 | 1u << 7 | 1u << 8, 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8,
        1u << 3 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 8,
        1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8,
        1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8,
        1u << 1 | 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8};

/* 3. Metadata locks on an object: one table against those who hold, a milder one against those who wait. */

static const char *const mdl_modes[] = {NULL, "SHARED", "SHARED_HIGH_PRIO", "SHARED_READ", "SHARED_WRITE",
        "SHARED_WRITE_LOW_PRIO", "SHARED_UPGRADABLE", "SHARED_READ_ONLY", "SHARED_NO_WRITE",
        "SHARED_NO_READ_WRITE", "EXCLUSIVE", "INTENTION_EXCLUSIVE"};
enum { MDL_MODES = sizeof(mdl_modes) / sizeof(mdl_modes[0]) };
/* IX is of schemas and tablespaces only, which know but S and X besides. */
enum { S = 1, SH, SR, SW, SWLP, SU, SRO, SNW, SNRW, X, IX };

static const uint16_t mdl_held[MDL_MODES] = {
        [S] = 1u << X | 1u << IX,
        [SH] = 1u << X,
        [SR] = 1u << SNRW | 1u << X,
        [SW] = 1u << SRO | 1u << SNW | 1u << SNRW | 1u << X,
        [SWLP] = 1u << SRO | 1u << SNW | 1u << SNRW | 1u << X,
        [SU] = 1u << SU | 1u << SNW | 1u << SNRW | 1u << X,
        [SRO] = 1u << SW | 1u << SWLP | 1u << SNRW | 1u << X,
        [SNW] = 1u << SW | 1u << SWLP | 1u << SU | 1u << SNW | 1u << SNRW | 1u << X,
        [SNRW] = 1u << SR | 1u << SW | 1u << SWLP | 1u << SU | 1u << SRO | 1u << SNW | 1u << SNRW | 1u << X,
        [X] = 0xffe,
        [IX] = 1u << S | 1u << X,
};
static const uint16_t mdl_waiting[MDL_MODES] = {
        [S] = 1u << X,
        [SR] = 1u << SNRW | 1u << X,
        [SW] = 1u << SNW | 1u << SNRW | 1u << X,
        [SWLP] = 1u << SRO | 1u << SNW | 1u << SNRW | 1u << X,
        [SU] = 1u << X,
        [SRO] = 1u << SW | 1u << X,
        [SNW] = 1u << X,
        [SNRW] = 1u << X,
        [IX] = 1u << S | 1u << X,
};

/* 4. Metadata locks on the server. MariaDB's words for them begin with BACKUP_: what ordinary statements take
 * is shared among them, the rest keeps everybody out. */

static const char *const scoped_modes[] = {NULL, "INTENTION_EXCLUSIVE", "SHARED", "EXCLUSIVE"};
static const char *const backup_statements[] = {"BACKUP_DML", "BACKUP_TRANS_DML", "BACKUP_SYS_DML",
        "BACKUP_DDL", "BACKUP_ALTER_COPY", "BACKUP_COMMIT"};
enum { SCOPED_IX = 1, SCOPED_S, SCOPED_X, SCOPED_STATEMENT, SCOPED_BACKUP };

static bool scoped_conflicts(uint8_t a, uint8_t b)
{
	if (a >= SCOPED_STATEMENT || b >= SCOPED_STATEMENT)
		return !(a == SCOPED_STATEMENT && b == SCOPED_STATEMENT);
	return !(a == b && a != SCOPED_X);
}

/* 5. InnoDB: bits, by its own rule for records. */

enum { ROW_S = 1, ROW_X = 2, ROW_INTENTION = 4, ROW_GAP = 8, ROW_REC_NOT_GAP = 16, ROW_INSERT = 32 };
enum { ROW_AUTO_INC = ROW_S | ROW_X };

static uint8_t innodb_code(const char *mode)
{
	size_t n = strcspn(mode, ",");
	uint8_t code = 0;
	if (n == 1 && mode[0] == 'S')
		code = ROW_S;
	else if (n == 1 && mode[0] == 'X')
		code = ROW_X;
	else if (n == 2 && mode[0] == 'I' && (mode[1] == 'S' || mode[1] == 'X'))
		code = (uint8_t)(ROW_INTENTION | (mode[1] == 'S' ? ROW_S : ROW_X));
	else if (strncasecmp(mode, "AUTO", strlen("AUTO")) == 0)
		code = ROW_AUTO_INC;
	if (code == 0)
		return 0;
	/* REC_NOT_GAP has GAP in it. */
	if (strstr(mode, "REC_NOT_GAP") != NULL)
		code |= ROW_REC_NOT_GAP;
	else if (strstr(mode, ",GAP") != NULL)
		code |= ROW_GAP;
	if (strstr(mode, "INSERT_INTENTION") != NULL)
		code |= ROW_INSERT;
	return code;
}

static bool innodb_conflicts(uint8_t a, uint8_t b)
{
	const uint8_t mode = ROW_S | ROW_X | ROW_INTENTION;
	uint8_t x = a & mode;
	uint8_t y = b & mode;
	bool both = (x & ROW_INTENTION) && (y & ROW_INTENTION);
	if (both || (x == ROW_S && (y == ROW_S || y == (ROW_INTENTION | ROW_S))) ||
	        (y == ROW_S && x == (ROW_INTENTION | ROW_S)))
		return false;
	/* AUTO_INC excludes itself, S and X, but no intention. */
	if ((x == ROW_AUTO_INC && (y & ROW_INTENTION)) || (y == ROW_AUTO_INC && (x & ROW_INTENTION)))
		return false;
	if (b & ROW_INSERT)
		return false;
	if (a & ROW_INSERT)
		return !(b & ROW_REC_NOT_GAP) || !(a & ROW_GAP);
	if ((a & ROW_GAP) || (b & ROW_GAP))
		return false;
	return true;
}

/* 6. All of them. */

static uint8_t find_word(const char *const *words, size_t n, const char *mode)
{
	for (size_t i = 1; i < n; i++) {
		if (strcasecmp(words[i], mode) == 0)
			return (uint8_t)i;
	}
	return 0;
}

static uint8_t scoped_code(const char *mode)
{
	for (size_t i = 0; i < sizeof(backup_statements) / sizeof(backup_statements[0]); i++) {
		if (strcasecmp(backup_statements[i], mode) == 0)
			return SCOPED_STATEMENT;
	}
	if (strncasecmp(mode, "BACKUP_", strlen("BACKUP_")) == 0)
		return SCOPED_BACKUP;
	return find_word(scoped_modes, sizeof(scoped_modes) / sizeof(scoped_modes[0]), mode);
}

uint8_t lock_code(enum lock_family f, const char *mode)
{
	if (mode == NULL)
		return 0;
	if ((f == FAMILY_MDL || f == FAMILY_SCOPED) && strncasecmp(mode, "MDL_", strlen("MDL_")) == 0)
		mode += strlen("MDL_");
	switch (f) {
	case FAMILY_POSTGRES:
		return find_word(postgres_modes, POSTGRES_MODES, mode);
	case FAMILY_INNODB:
		return innodb_code(mode);
	case FAMILY_MDL:
		return find_word(mdl_modes, MDL_MODES, mode);
	case FAMILY_SCOPED:
		return scoped_code(mode);
	case FAMILY_UNKNOWN:
	case FAMILY_COUNT:
		break;
	}
	return 0;
}

bool lock_conflicts(enum lock_family f, uint8_t a, uint8_t b)
{
	if (a == 0 || b == 0)
		return true;
	switch (f) {
	case FAMILY_POSTGRES:
		return postgres_conflicts[a] >> b & 1;
	case FAMILY_INNODB:
		return innodb_conflicts(a, b);
	case FAMILY_MDL:
		return mdl_held[a] >> b & 1;
	case FAMILY_SCOPED:
		return scoped_conflicts(a, b);
	case FAMILY_UNKNOWN:
	case FAMILY_COUNT:
		break;
	}
	return true;
}

bool lock_conflicts_ahead(enum lock_family f, uint8_t a, uint8_t b)
{
	if (a == 0 || b == 0)
		return true;
	if (f == FAMILY_MDL)
		return mdl_waiting[a] >> b & 1;
	/* An exclusive request passes by those who wait for less. */
	if (f == FAMILY_SCOPED && a == SCOPED_X)
		return false;
	if (f == FAMILY_SCOPED && a == SCOPED_S && b == SCOPED_IX)
		return false;
	return lock_conflicts(f, a, b);
}

bool lock_passes_by(enum engine engine, enum lock_kind kind)
{
	return engine == ENGINE_MYSQL && kind == LOCK_ROW;
}
