/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "daemon/stat.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/status_view.h"
#include "core/verdict.h"
#include "io/clock.h"
#include "io/unixsock.h"

#define TIMEOUT_S 5

struct stat_buffers {
        char reply[TL_STATUS_REPLY_MAX];
        struct tl_status status;
        char view[TL_STATUS_VIEW_MAX];
};

WG_PRINTF(1, 2) static int fail(const char *format, ...)
{
        va_list arguments;

        fputs("tielined: ", stderr);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
        return TL_EXIT_FAILED;
}

/* Why nobody was asked. */
static int fail_to_ask(const char *name, int error)
{
        switch (error) {
        case -ENOENT:
                if (if_nametoindex(name))
                        return fail("no tielined tells about %s: there is no " TL_STATUS_DIRECTORY
                                    "/%s.sock. Is %s run by the kernel or by another program, or "
                                    "was it renamed? Try `wg show %s'",
                                    name, name, name, name);
                return fail("there is no interface %s here, and no tielined that runs one of that "
                            "name. `wg show interfaces' tells what there is",
                            name);
        case -ECONNREFUSED:
                return fail("nobody listens at " TL_STATUS_DIRECTORY
                            "/%s.sock: the tielined that did is gone",
                            name);
        case -EACCES:
        case -EPERM:
                return fail("may not ask at " TL_STATUS_DIRECTORY "/%s.sock: this needs root",
                            name);
        case -ETIMEDOUT:
                return fail("the tielined that runs %s has not answered within %d s: it is stopped "
                            "or hangs",
                            name, TIMEOUT_S);
        default:
                return fail("cannot ask at " TL_STATUS_DIRECTORY "/%s.sock: %s", name,
                            strerror(-error));
        }
}

static bool is_whole(const char *reply, size_t len)
{
        return tl_status_is_whole((struct tl_text){reply, len});
}

/* Asks and reads the reply. Returns its length or -errno. */
static ssize_t ask(const char *name, char reply[TL_STATUS_REPLY_MAX])
{
        uint64_t until_ns = tl_clock_boot_ns() + TIMEOUT_S * TL_NS_PER_S;
        int fd = tl_unixsock_connect(TL_STATUS_DIRECTORY, name, until_ns);
        ssize_t len;

        if (fd < 0)
                return fd;
        len = tl_unixsock_ask(fd, TL_STATUS_REQUEST, strlen(TL_STATUS_REQUEST), reply,
                              TL_STATUS_REPLY_MAX, is_whole, until_ns);
        close(fd);
        return len;
}

static size_t write_view(struct stat_buffers *b, enum tl_stat_view view)
{
        switch (view) {
        case TL_STAT_USUAL:
                return tl_status_for_people(&b->status, &wg_verdict_enum, TL_STATUS_DETAIL_USUAL,
                                            b->view);
        case TL_STAT_ALL:
                return tl_status_for_people(&b->status, &wg_verdict_enum, TL_STATUS_DETAIL_ALL,
                                            b->view);
        case TL_STAT_JSON:
                return tl_status_as_json(&b->status, b->view);
        }
        return 0;
}

static int show(const char *name, enum tl_stat_view view, struct stat_buffers *b)
{
        struct tl_conf_error error;
        ssize_t len = ask(name, b->reply);

        if (len < 0 && len != -EPIPE && len != -ECONNRESET)
                return fail_to_ask(name, (int)len);
        if (len <= 0)
                return fail("the tielined that runs %s closed the connection: it ends, or too many "
                            "ask at once",
                            name);
        if (!tl_status_read(&b->status, (struct tl_text){b->reply, (size_t)len}, &error))
                return fail("what %s answers is no status: line %" PRIu32 ": %s. Is it another "
                            "version of tielined?",
                            name, error.line, error.message);
        if (b->status.errnum)
                return fail("the tielined that runs %s refuses to tell: %s", name,
                            strerror(b->status.errnum));
        if (fwrite(b->view, 1, write_view(b, view), stdout) == 0 || fflush(stdout) == EOF)
                return fail("cannot write: %s", strerror(errno));
        return TL_EXIT_OK;
}

int tl_stat(const char *name, enum tl_stat_view view)
{
        struct stat_buffers *b = malloc(sizeof(*b));
        int status;

        if (!b)
                return fail("out of memory");
        status = show(name, view, b);
        free(b);
        return status;
}
