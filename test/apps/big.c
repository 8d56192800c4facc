// A gigabyte of memory (argv[2] MiB) that must hash the same before and after.
#include "woodfrog-test.h"

static uint64_t hash(const uint64_t *words, size_t count) {
  uint64_t sum[4] = {1, 2, 3, 4};
  for (size_t i = 0; i < count; i += 4)
    for (int lane = 0; lane < 4; lane++)
      sum[lane] = (sum[lane] ^ words[i + lane]) * 0x9E3779B97F4A7C15ull;
  return sum[0] ^ sum[1] << 1 ^ sum[2] << 2 ^ sum[3] << 3;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  size_t count = (strtoul(test_case, NULL, 10) << 20) / 8;
  uint64_t *words =
               mmap(NULL, count * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
           x = 88172645463325252;
  check(words != MAP_FAILED);
  for (size_t i = 0; i < count; i++) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    words[i] = x;
  }
  uint64_t before = hash(words, count);
  ready();
  check_equal(hash(words, count), before);
  words[count / 2] ^= 1;
  check(hash(words, count) != before);
  pass();
}
