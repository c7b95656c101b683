/* A disk that fails: preloaded into the bot's process, under SQLite and under Python.
 *
 * Counts what is written to files in one folder (write, pwrite, fsync, fdatasync, ftruncate) from `darkroom_disk_arm` on.
 * From the `first` such call on, `n_calls` of them and all within `for_ms` fail: 0 "no space left", 1 "I/O error", 2 only
 * half of the bytes are written, and no space is left for the rest. Built by tests/fakes/disk.py.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

enum { FULL, ILL, SHORT };

static atomic_long n_counted, n_failed;
static atomic_llong failing_until_ms;
static long first, n_calls, for_ms;
static int how;
static char folder[PATH_MAX];
static atomic_int is_armed;

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

void darkroom_disk_arm(const char *under, long first_call, long calls, long milliseconds, int kind) {
  snprintf(folder, sizeof folder, "%s/", under);
  first = first_call;
  n_calls = calls;
  for_ms = milliseconds;
  how = kind;
  n_counted = n_failed = 0;
  failing_until_ms = 0;
  is_armed = 1;
}

long darkroom_disk_counted(void) { return n_counted; }

long darkroom_disk_failed(void) { return n_failed; }

/* Whether it has failed and works again. */
int darkroom_disk_is_healed(void) {
  return n_counted >= first + n_calls - 1 && n_failed > 0 && now_ms() >= failing_until_ms;
}

static int is_ours(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

/* Whether this call is one of those that fail. */
static int fails(int fd) {
  if (!is_armed) return 0;
  int before = errno, ours = is_ours(fd);
  errno = before;
  if (!ours) return 0;
  long n = ++n_counted;
  if (n < first) return 0;
  if (n == first) failing_until_ms = now_ms() + for_ms;
  if (n >= first + n_calls && now_ms() >= failing_until_ms) return 0;
  n_failed++;
  return 1;
}

static int refuse(void) {
  errno = how == ILL ? EIO : ENOSPC;
  return -1;
}

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Half of it the first time, nothing after that: as a disk fills up. */
#define HALF(n_bytes) (how == SHORT && n_failed == 1 && (n_bytes) > 1)

ssize_t write(int fd, const void *bytes, size_t n_bytes) {
  REAL(write);
  if (!fails(fd)) return real(fd, bytes, n_bytes);
  return HALF(n_bytes) ? real(fd, bytes, n_bytes / 2) : refuse();
}

ssize_t pwrite(int fd, const void *bytes, size_t n_bytes, off_t at) {
  REAL(pwrite);
  if (!fails(fd)) return real(fd, bytes, n_bytes, at);
  return HALF(n_bytes) ? real(fd, bytes, n_bytes / 2, at) : refuse();
}

ssize_t pwrite64(int fd, const void *bytes, size_t n_bytes, off64_t at) {
  REAL(pwrite64);
  if (!fails(fd)) return real(fd, bytes, n_bytes, at);
  return HALF(n_bytes) ? real(fd, bytes, n_bytes / 2, at) : refuse();
}

int fsync(int fd) {
  REAL(fsync);
  return fails(fd) ? refuse() : real(fd);
}

int fdatasync(int fd) {
  REAL(fdatasync);
  return fails(fd) ? refuse() : real(fd);
}

int ftruncate(int fd, off_t length) {
  REAL(ftruncate);
  return fails(fd) ? refuse() : real(fd, length);
}

int ftruncate64(int fd, off64_t length) {
  REAL(ftruncate64);
  return fails(fd) ? refuse() : real(fd, length);
}
