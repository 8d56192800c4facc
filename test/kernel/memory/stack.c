// The main stack: frames below the checkpoint keep their bytes, and the stack still grows on demand
// afterwards.
#include "woodfrog-test.h"

static __attribute__((noinline)) int descend(int depth, int levels) {
  unsigned char frame[8192];
  fill(frame, sizeof frame, depth);
  if (depth == levels / 2) ready();
  int below = depth < levels ? descend(depth + 1, levels) : 0;
  check_fill(frame, sizeof frame, depth);
  return below + 1;
}

int main(int argc, char **argv) {
  setup(argc, argv);
  // 600 frames of 8 KiB: half of them are made after the checkpoint, past what the stack mapping
  // covered then.
  check_equal(descend(0, 600), 601);
  pass();
}
