/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#include "lab/jobs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/clock.h"

static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};

void tl_jobs_init(struct tl_jobs *jobs)
{
        *jobs = (struct tl_jobs){.interrupted = 0};
        sigemptyset(&jobs->waited);
        for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                sigaddset(&jobs->waited, SIGNALS[i]);
        sigprocmask(SIG_BLOCK, &jobs->waited, &jobs->before);
}

void tl_jobs_done(struct tl_jobs *jobs)
{
        sigprocmask(SIG_SETMASK, &jobs->before, NULL);
}

void tl_jobs_forget(const struct tl_jobs *jobs)
{
        for (size_t i = 0; i < WG_ARRAY_SIZE(SIGNALS); i++)
                signal(SIGNALS[i], SIG_DFL);
        signal(SIGPIPE, SIG_DFL);
        sigprocmask(SIG_SETMASK, &jobs->before, NULL);
}

bool tl_jobs_must_end(const struct tl_jobs *jobs)
{
        return jobs->interrupted || jobs->is_lab_gone;
}

/* ---- children ---- */

static void start_job(struct tl_jobs *jobs, struct tl_job *job)
{
        int status;

        job->status = -1;
        fflush(stdout);
        fflush(stderr);
        job->pid = tl_space_fork(job->holder, job->part);
        if (job->pid < 0) {
                job->is_over = true;
                job->pid = 0;
                return;
        }
        if (job->pid > 0)
                return;
        tl_jobs_forget(jobs);
        if (job->output >= 0) {
                dup2(job->output, STDOUT_FILENO);
                dup2(job->output, STDERR_FILENO);
        }
        status = job->work(job->ctx);
        fflush(NULL);
        _exit(status); /* what the parent registered for its own exit is none of our business */
}

/* Notes the end of a child. */
static void note_end(struct tl_jobs *jobs, struct tl_job *items, uint32_t count, pid_t pid,
                     int status)
{
        if (pid == jobs->guard)
                jobs->is_lab_gone = true;
        for (uint32_t i = 0; i < count; i++) {
                if (items[i].pid != pid)
                        continue;
                items[i].pid = 0;
                items[i].is_over = true;
                items[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
}

static void reap(struct tl_jobs *jobs, struct tl_job *items, uint32_t count)
{
        pid_t pid;
        int status;

        while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
                note_end(jobs, items, count, pid, status);
}

/* Waits for a signal, at most until a time of tl_clock_boot_ns(). Children that ended before are
 * noted first: their signal may have come with another one's. */
static void wait_for_signal(struct tl_jobs *jobs, uint64_t until_ns)
{
        uint64_t now_ns = tl_clock_boot_ns();
        uint64_t left_ns = until_ns > now_ns ? until_ns - now_ns : 0;
        const struct timespec left = {.tv_sec = (time_t)(left_ns / TL_NS_PER_S),
                                      .tv_nsec = (long)(left_ns % TL_NS_PER_S)};
        int number = sigtimedwait(&jobs->waited, NULL, &left);

        if (number > 0 && number != SIGCHLD)
                jobs->interrupted = number;
}

static uint32_t count_running(const struct tl_job *items, uint32_t count)
{
        uint32_t running = 0;

        for (uint32_t i = 0; i < count; i++)
                running += items[i].pid != 0;
        return running;
}

enum { LONG_MS = 3600 * 1000 };

static uint64_t in_ms(uint32_t ms)
{
        return tl_clock_boot_ns() + WG_MIN(ms, (uint32_t)LONG_MS) * TL_NS_PER_MS;
}

bool tl_jobs_run(struct tl_jobs *jobs, struct tl_job *items, uint32_t count, uint32_t at_once)
{
        uint32_t next = 0;
        bool is_good = true;

        for (uint32_t i = 0; i < count; i++) {
                items[i].pid = 0;
                items[i].output = -1;
                items[i].is_over = false;
        }
        for (;;) {
                reap(jobs, items, count);
                if (tl_jobs_must_end(jobs))
                        break;
                while (next < count && count_running(items, next) < at_once) {
                        items[next].output = memfd_create("output", MFD_CLOEXEC);
                        start_job(jobs, &items[next++]);
                }
                if (next == count && count_running(items, count) == 0)
                        break;
                wait_for_signal(jobs, in_ms(LONG_MS));
        }
        for (uint32_t i = 0; i < count; i++) {
                if (items[i].pid)
                        kill(items[i].pid, SIGKILL);
                is_good &= items[i].is_over && items[i].status == 0;
        }
        while (count_running(items, count)) {
                reap(jobs, items, count);
                if (count_running(items, count))
                        wait_for_signal(jobs, in_ms(100));
        }
        return is_good;
}

int tl_jobs_start(struct tl_jobs *jobs, struct tl_job *job)
{
        job->output = -1;
        job->is_over = false;
        start_job(jobs, job);
        return job->pid ? 0 : -EAGAIN;
}

bool tl_jobs_wait(struct tl_jobs *jobs, struct tl_job *job, uint32_t timeout_ms)
{
        uint64_t until_ns = in_ms(timeout_ms);

        for (;;) {
                reap(jobs, job, 1);
                if (job->is_over || tl_jobs_must_end(jobs))
                        return job->is_over;
                if (timeout_ms != UINT32_MAX && tl_clock_boot_ns() >= until_ns)
                        return false;
                wait_for_signal(jobs, until_ns);
        }
}

void tl_jobs_sleep(struct tl_jobs *jobs, uint32_t ms)
{
        uint64_t until_ns = in_ms(ms);

        for (;;) {
                reap(jobs, NULL, 0);
                if (tl_jobs_must_end(jobs) || tl_clock_boot_ns() >= until_ns)
                        return;
                wait_for_signal(jobs, until_ns);
        }
}

/* ---- output ---- */

char *tl_job_text(const struct tl_job *job)
{
        struct stat about;
        char *text;
        ssize_t len;

        if (job->output < 0 || fstat(job->output, &about) < 0 || about.st_size == 0)
                return NULL;
        text = malloc((size_t)about.st_size + 1);
        if (!text)
                return NULL;
        len = pread(job->output, text, (size_t)about.st_size, 0);
        len = WG_MAX(len, 0);
        while (len && strchr(" \n", text[len - 1]))
                len--;
        text[len] = '\0';
        return text;
}

void tl_job_done(struct tl_jobs *jobs, struct tl_job *job)
{
        if (job->pid > 0) {
                kill(job->pid, SIGKILL);
                while (job->pid) {
                        reap(jobs, job, 1);
                        if (job->pid)
                                wait_for_signal(jobs, in_ms(100));
                }
        }
        if (job->output >= 0)
                close(job->output);
        job->output = -1;
}
