// Memory of every kind that pages are saved from; says where each is, then waits. argv[1]: MiB of bulk memory.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_INSTALL 102

static void say(const char *name, char *at, size_t length)
{
	printf("%s %lx %lx\n", name, (unsigned long)at, (unsigned long)at + length);
}

static char *map(size_t length, int prot, int flags)
{
	char *at = mmap(NULL, length, prot, flags | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		exit(1);
	return at;
}

static void fill(char *at, size_t length)
{
	for (size_t i = 0; i < length; i += 8)
		*(uint64_t *)(at + i) = (uint64_t)(uintptr_t)(at + i) * 0x9e3779b97f4a7c15u;
}

int main(int argc, char **argv)
{
	size_t bulk = strtoul(argc > 1 ? argv[1] : "20", NULL, 10) << 20;
	char *large = map(bulk, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	madvise(large, bulk, MADV_NOHUGEPAGE);
	fill(large, bulk);
	say("bulk", large, bulk);
	// Every other page: more pieces than one call takes, more regions than one scan gives.
	char *sieve = map(12000 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	madvise(sieve, 12000 * 4096, MADV_NOHUGEPAGE);
	for (int i = 0; i < 12000; i += 2)
		fill(sieve + i * 4096, 4096);
	say("sieve", sieve, 12000 * 4096);
	char *hidden = map(4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	fill(hidden, 2 * 4096);
	mprotect(hidden, 4 * 4096, PROT_NONE);
	say("hidden", hidden, 4 * 4096);
	char *zero = map(8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	madvise(zero, 8 * 4096, MADV_NOHUGEPAGE);
	volatile char seen = zero[4096];
	(void)seen;
	fill(zero + 2 * 4096, 4096);
	say("zero", zero, 8 * 4096);
	char *guarded = map(4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	fill(guarded, 4 * 4096);
	if (madvise(guarded + 4096, 4096, GUARD_INSTALL) == 0)
		say("guard", guarded + 4096, 4096);
	int fd = open("/proc/self/exe", O_RDONLY);
	char *file = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	fill(file + 4096, 4096);
	say("file", file, 3 * 4096);
	char *shared = map(16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED);
	fill(shared + 5 * 4096, 3 * 4096);
	fill(shared + (9 << 20), 4096);
	say("shared", shared, 16 << 20);
	printf("READY\n");
	fflush(stdout);
	pause();
	return 0;
}
