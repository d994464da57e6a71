/* Makes the disk fail for one program, on command:   LD_PRELOAD=disk_faults.so DISK_FAULTS=FILE program …
 *
 * FILE holds one `struct command` and is read as shared memory, so that a test can arm and disarm while the program runs.
 * Sees what goes through the C library's write, pwrite, fsync and fdatasync; that is all of it here.
 *   cc -O2 -shared -fPIC -o disk_faults.so disk_faults.c -ldl
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { none = 0, writes = 1, syncs = 2 };

struct command {
  _Atomic int32_t operations; /* none, or a sum of the others */
  int32_t error_number;
  _Atomic int64_t left;   /* so many go well before the first that fails */
  _Atomic int64_t failed; /* how many have failed */
  int64_t at_most;        /* so many fail, then all go well again */
  char path_part[216];    /* only files whose path contains this */
};

static struct command *command;

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("DISK_FAULTS");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *memory = mmap(NULL, sizeof(struct command), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory != MAP_FAILED) command = memory;
  close(fd);
}

/* Whether this call is to fail; errno is set then. */
static int fails(int operation, int fd) {
  if (!command || !(atomic_load(&command->operations) & operation)) return 0;
  char link[32], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  if (path[0] != '/' || !strstr(path, command->path_part)) return 0;
  if (atomic_fetch_sub(&command->left, 1) > 0) return 0;
  if (atomic_fetch_add(&command->failed, 1) >= command->at_most) return 0;
  errno = command->error_number;
  return 1;
}

ssize_t write(int fd, const void *data, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  return fails(writes, fd) ? -1 : real(fd, data, size);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
  return fails(writes, fd) ? -1 : real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return fails(syncs, fd) ? -1 : real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  return fails(syncs, fd) ? -1 : real(fd);
}
