// BPF maps: arrays and hashes with their elements, names, flags; frozen, empty, shared, and by descriptors that only read or
// write.
#include <linux/bpf.h>

#include "woodfrog-test.h"

enum { HASHED = 50000 };

static long bpf(int cmd, union bpf_attr *attr) { return syscall(SYS_bpf, cmd, attr, sizeof *attr); }

static int make(int type, const char *name, int key_size, int value_size, int max, int flags) {
  union bpf_attr attr = {0};
  attr.map_type = type, attr.key_size = key_size, attr.value_size = value_size;
  attr.max_entries = max, attr.map_flags = flags;
  strcpy(attr.map_name, name);
  int fd = bpf(BPF_MAP_CREATE, &attr);
  if (fd < 0) skip("no bpf(2) here");
  return fd;
}

static long element(int cmd, int fd, const void *key, const void *value, int flags) {
  union bpf_attr attr = {0};
  attr.map_fd = fd, attr.key = (uintptr_t)key, attr.value = (uintptr_t)value, attr.flags = flags;
  return bpf(cmd, &attr);
}

static struct bpf_map_info info_of(int fd) {
  struct bpf_map_info info = {0};
  union bpf_attr attr = {.info = {.bpf_fd = fd, .info_len = sizeof info, .info = (uintptr_t)&info}};
  check_equal(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr), 0);
  return info;
}

static int by_number(int fd, unsigned flags) {
  union bpf_attr attr = {.map_id = info_of(fd).id, .open_flags = flags};
  int again = bpf(BPF_MAP_GET_FD_BY_ID, &attr);
  check(again >= 0);
  return again;
}

static void check_map(int fd, const char *name, struct bpf_map_info wanted) {
  struct bpf_map_info info = info_of(fd);
  check_text(info.name, name);
  check_equal(info.type, wanted.type);
  check_equal(info.key_size, wanted.key_size);
  check_equal(info.value_size, wanted.value_size);
  check_equal(info.max_entries, wanted.max_entries);
  check_equal(info.map_flags, wanted.map_flags);
}

struct value {
  char bytes[13];
};

static struct value value_of(uint64_t key) {
  struct value value;
  for (unsigned i = 0; i < sizeof value; i++) value.bytes[i] = pattern_at(i, (unsigned)key);
  return value;
}

static void check_value(int fd, const void *key, struct value wanted) {
  struct value found = {{0}};
  check_equal(element(BPF_MAP_LOOKUP_ELEM, fd, key, &found, 0), 0);
  check_equal(memcmp(&found, &wanted, sizeof found), 0);
}

int main(int argc, char **argv) {
  setup(argc, argv);
  int array = make(BPF_MAP_TYPE_ARRAY, "an_array", 4, sizeof(struct value), 7, BPF_F_MMAPABLE);
  int hash = make(BPF_MAP_TYPE_HASH, "a_hash", 8, sizeof(struct value), 2 * HASHED, BPF_F_NO_PREALLOC);
  int frozen = make(BPF_MAP_TYPE_ARRAY, "frozen", 4, 8, 1, BPF_F_RDONLY_PROG);
  int empty = make(BPF_MAP_TYPE_HASH, "", 4, 4, 3, 0);
  int large = make(BPF_MAP_TYPE_ARRAY, "large", 4, 3000000, 2, 0);
  unsigned char *bulk = malloc(3000000);
  for (uint32_t key = 0; key < 7; key++) {
    struct value value = value_of(key);
    if (key != 3) check_equal(element(BPF_MAP_UPDATE_ELEM, array, &key, &value, 0), 0);
  }
  for (uint64_t i = 0; i < HASHED; i++) {
    uint64_t key = i * 0x123456789abcdefull;
    struct value value = value_of(key);
    check_equal(element(BPF_MAP_UPDATE_ELEM, hash, &key, &value, 0), 0);
  }
  uint32_t zero = 0, one = 1;
  uint64_t eight = 0x8888888888888888ull;
  check_equal(element(BPF_MAP_UPDATE_ELEM, frozen, &zero, &eight, 0), 0);
  union bpf_attr freeze = {.map_fd = frozen};
  check_equal(bpf(BPF_MAP_FREEZE, &freeze), 0);
  fill(bulk, 3000000, 3);
  check_equal(element(BPF_MAP_UPDATE_ELEM, large, &one, bulk, 0), 0);
  int reader = by_number(hash, BPF_F_RDONLY), writer = by_number(hash, BPF_F_WRONLY), twin = dup(array);
  close(hash);
  pid_t child = fork();
  if (child == 0) {
    wait_release();
    struct value value = value_of(1000);
    check_equal(element(BPF_MAP_UPDATE_ELEM, array, &one, &value, 0), 0);
    _exit(0);
  }

  ready();

  must_exit_well(child);
  check_map(array, "an_array", (struct bpf_map_info){.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 13, .max_entries = 7, .map_flags = BPF_F_MMAPABLE});
  check_map(reader, "a_hash", (struct bpf_map_info){.type = BPF_MAP_TYPE_HASH, .key_size = 8, .value_size = 13, .max_entries = 2 * HASHED, .map_flags = BPF_F_NO_PREALLOC});
  check_map(frozen, "frozen", (struct bpf_map_info){.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1, .map_flags = BPF_F_RDONLY_PROG});
  check_map(empty, "", (struct bpf_map_info){.type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 3});
  check_equal(info_of(array).id, info_of(twin).id);
  check_equal(info_of(reader).id, info_of(writer).id);
  check_equal(fcntl(array, F_GETFD), FD_CLOEXEC);
  check_equal(fcntl(reader, F_GETFL), O_RDONLY);
  check_equal(fcntl(writer, F_GETFL), O_WRONLY);

  for (uint32_t key = 0; key < 7; key++) {
    struct value nothing = {{0}};
    check_value(twin, &key, key == 3 ? nothing : key == 1 ? value_of(1000) : value_of(key));
  }
  uint64_t key = 0, next, count = 0;
  for (long found = element(BPF_MAP_GET_NEXT_KEY, reader, NULL, &next, 0); found == 0; count++) {
    key = next;
    check_value(reader, &key, value_of(key));
    found = element(BPF_MAP_GET_NEXT_KEY, reader, &key, &next, 0);
  }
  check_equal(count, HASHED);
  struct value value = value_of(0);
  check_equal(element(BPF_MAP_UPDATE_ELEM, reader, &key, &value, 0), -1);
  check_equal(errno, EPERM);
  check_equal(element(BPF_MAP_UPDATE_ELEM, writer, &key, &value, 0), 0);
  check_value(reader, &key, value);
  uint64_t found = 0;
  check_equal(element(BPF_MAP_LOOKUP_ELEM, frozen, &zero, &found, 0), 0);
  check_equal(found, eight);
  check_equal(element(BPF_MAP_UPDATE_ELEM, frozen, &zero, &eight, 0), -1);
  check_equal(errno, EPERM);
  check_equal(element(BPF_MAP_GET_NEXT_KEY, empty, NULL, &next, 0), -1);
  check_equal(errno, ENOENT);
  check_equal(element(BPF_MAP_UPDATE_ELEM, empty, &zero, &one, BPF_NOEXIST), 0);
  check_equal(element(BPF_MAP_LOOKUP_ELEM, large, &one, bulk, 0), 0);
  check_fill(bulk, 3000000, 3);
  check_equal(element(BPF_MAP_LOOKUP_ELEM, large, &zero, bulk, 0), 0);
  for (int i = 0; i < 3000000; i++) check_equal(bulk[i], 0);
  pass();
}
