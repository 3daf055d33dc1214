/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 *
 * replay.c - runs a fuzz target once for each given file, and for each file in a given directory.
 * It replaces libFuzzer if that is not linked. */
#define _XOPEN_SOURCE 700 /* nftw */

#include <errno.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long replayed;

/* Each input gets memory of exactly its size, so that a sanitizer sees a read past its end. */
static int replay(const char *path, const struct stat *status, int type, struct FTW *place)
{
        size_t size = (size_t)status->st_size;
        uint8_t *data;
        FILE *file;
        int result;

        (void)place;
        if (type == FTW_D)
                return 0;
        file = fopen(path, "rb");
        data = malloc(size ? size : 1);
        if (!file || !data || fread(data, 1, size, file) != size) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                exit(EXIT_FAILURE);
        }
        fclose(file);
        result = LLVMFuzzerTestOneInput(data, size);
        free(data);
        replayed++;
        return result;
}

int main(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (nftw(argv[i], replay, 8, FTW_PHYS)) {
                        fprintf(stderr, "%s: %s\n", argv[i], strerror(errno));
                        return EXIT_FAILURE;
                }
        }
        printf("%lu inputs replayed\n", replayed);
        return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
