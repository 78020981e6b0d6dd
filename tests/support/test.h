/* What every test file includes first: cmocka with the four headers it needs before it, in the one order that
 * compiles (clang-format would sort them). Test main() only; nothing here is linked into dbatop.
 *
 * Places, defined by tests/CMakeLists.txt as string literals:
 *   TEST_SOURCE_DIR   the source tree          TEST_BUILD_DIR    the build folder of this preset
 *   TEST_MUTE_RESOLVER  to be preloaded: names that end in ".mute" are never answered
 *   TEST_DBATOP       the dbatop binary        TEST_CHAOSPROXY   the chaos proxy
 * Tests run in TEST_SOURCE_DIR with LC_ALL=C.UTF-8. */
#ifndef DBATOP_TESTS_SUPPORT_TEST_H
#define DBATOP_TESTS_SUPPORT_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */

#endif
