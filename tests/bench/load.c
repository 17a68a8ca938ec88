/*
 * A load generator for HTTP/1.1 over a UNIX socket, bounded by count and time.
 *
 *   load requests SOCKET PATH CONNECTIONS COUNT SECONDS
 *     keeps one GET in flight on each of CONNECTIONS kept-alive connections until COUNT answers have
 *     come or SECONDS have passed.
 *   load stream SOCKET HEAD_FILE SEND CHUNKED HIJACK SECONDS
 *     sends HEAD_FILE as it is, then SEND zero bytes (in chunks of 32 KiB with CHUNKED=1; after the
 *     reply's head with HIJACK=1), half-closes a hijacked connection, and reads to the end.
 *
 * Both print one JSON object. It is written in C so that it is not what is measured: one thread
 * answers for all connections, and a reply is only scanned for its end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LIMIT 16384
#define BLOCK (1 << 18)
#define CHUNK 32768

static void die(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static int dial(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        die(path);
    }
    strcpy(address.sun_path, path);
    int socket_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_fd < 0 || connect(socket_fd, (struct sockaddr *)&address, sizeof address) < 0) die(path);
    if (fcntl(socket_fd, F_SETFL, O_NONBLOCK) < 0) die("fcntl");
    return socket_fd;
}

enum state { HEAD, FIXED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, TO_THE_END, DONE, BROKEN };

/* What has been read of one reply. */
struct reply {
    enum state state;
    char head[HEAD_LIMIT];
    size_t head_length;
    int status;
    int64_t left; /* of the body or the chunk */
    int line;     /* characters of the current trailer line */
};

static void begin(struct reply *reply) {
    reply->state = HEAD;
    reply->head_length = 0;
    reply->status = 0;
    reply->left = 0;
    reply->line = 0;
}

static void read_head(struct reply *reply) {
    reply->head[reply->head_length] = 0;
    if (sscanf(reply->head, "HTTP/1.%*c %d", &reply->status) != 1) {
        reply->state = BROKEN;
        return;
    }
    reply->state = TO_THE_END;
    if (reply->status == 101) return;
    for (char *line = strstr(reply->head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (!strncasecmp(line + 2, "content-length:", 15)) {
            reply->left = atoll(line + 17);
            reply->state = reply->left ? FIXED : DONE;
        } else if (!strncasecmp(line + 2, "transfer-encoding: chunked", 26)) {
            reply->state = CHUNK_SIZE;
        }
    }
    if (reply->status == 204 || reply->status == 304) reply->state = DONE;
}

/* Scan bytes of a reply; returns how many were of it. */
static size_t scan(struct reply *reply, const char *data, size_t length) {
    size_t at = 0;
    while (at < length && reply->state != DONE && reply->state != BROKEN) {
        switch (reply->state) {
        case HEAD:
            if (reply->head_length >= HEAD_LIMIT - 1) {
                reply->state = BROKEN;
                break;
            }
            reply->head[reply->head_length++] = data[at++];
            if (reply->head_length >= 4 && !memcmp(reply->head + reply->head_length - 4, "\r\n\r\n", 4))
                read_head(reply);
            break;
        case FIXED:
        case CHUNK_DATA: {
            size_t step = length - at < (size_t)reply->left ? length - at : (size_t)reply->left;
            at += step;
            reply->left -= step;
            if (!reply->left) reply->state = reply->state == FIXED ? DONE : CHUNK_END;
            break;
        }
        case CHUNK_SIZE: {
            char digit = data[at++];
            if (digit >= '0' && digit <= '9') reply->left = reply->left * 16 + digit - '0';
            else if (digit >= 'a' && digit <= 'f') reply->left = reply->left * 16 + digit - 'a' + 10;
            else if (digit >= 'A' && digit <= 'F') reply->left = reply->left * 16 + digit - 'A' + 10;
            else if (digit == '\n') {
                reply->state = reply->left ? CHUNK_DATA : TRAILER;
                reply->line = 0;
            } else if (digit != '\r')
                reply->state = BROKEN;
            break;
        }
        case CHUNK_END:
            if (data[at++] == '\n') {
                reply->state = CHUNK_SIZE;
                reply->left = 0;
            }
            break;
        case TRAILER: {
            char letter = data[at++];
            if (letter == '\n') {
                if (!reply->line) reply->state = DONE;
                reply->line = 0;
            } else if (letter != '\r')
                reply->line++;
            break;
        }
        case TO_THE_END:
            at = length;
            break;
        default:
            break;
        }
    }
    return at;
}

static int by_size(const void *left, const void *right) {
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

struct connection {
    int fd;
    int64_t sent_at;
    struct reply reply;
};

static int requests(char **argument) {
    const char *path = argument[0];
    int connections = atoi(argument[2]);
    long count = atol(argument[3]);
    int64_t seconds = atol(argument[4]);
    char request[4096];
    int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: docker\r\nUser-Agent: load\r\n\r\n", argument[1]);
    if (connections < 1 || connections > 4096 || count < 1 || count > 10000000 || seconds < 1 || size >= (int)sizeof request) {
        fprintf(stderr, "load: a number is out of range\n");
        return 2;
    }
    int32_t *latency = malloc(count * sizeof *latency);
    struct connection *all = calloc(connections, sizeof *all);
    static char block[BLOCK];
    int watcher = epoll_create1(0);
    if (!latency || !all || watcher < 0) die("out of memory");
    long answers = 0, failed = 0, started = 0;
    int64_t bytes = 0;
    for (int index = 0; index < connections; index++) {
        all[index].fd = dial(path);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[index]};
        if (epoll_ctl(watcher, EPOLL_CTL_ADD, all[index].fd, &event) < 0) die("epoll_ctl");
    }
    int64_t begun = now_us(), last = begun, end = begun + seconds * 1000000;
    int open = 0;
    for (int index = 0; index < connections && started < count; index++, started++, open++) {
        begin(&all[index].reply);
        all[index].sent_at = now_us();
        if (write(all[index].fd, request, size) != size) die("write");
    }
    while (open > 0) {
        struct epoll_event events[256];
        int64_t left = end - now_us();
        if (left <= 0) break;
        int ready = epoll_wait(watcher, events, 256, (int)(left / 1000) + 1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        for (int index = 0; index < ready; index++) {
            struct connection *each = events[index].data.ptr;
            ssize_t got = read(each->fd, block, sizeof block);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got > 0) {
                bytes += got;
                if (scan(&each->reply, block, got) != (size_t)got) each->reply.state = BROKEN;
            }
            if (got <= 0 || each->reply.state == BROKEN) {
                failed++;
                close(each->fd);
                open--;
                continue;
            }
            if (each->reply.state != DONE) continue;
            last = now_us();
            if (each->reply.status != 200) failed++;
            else latency[answers++] = (int32_t)(last - each->sent_at);
            if (started >= count || last >= end) {
                close(each->fd);
                open--;
                continue;
            }
            started++;
            begin(&each->reply);
            each->sent_at = last;
            if (write(each->fd, request, size) != size) die("write");
        }
    }
    qsort(latency, answers, sizeof *latency, by_size);
    printf("{\"answers\": %ld, \"failed\": %ld, \"unfinished\": %d, \"seconds\": %.6f, \"bytes\": %lld, \"p50_us\": %d, \"p99_us\": %d}\n",
           answers, failed, open, (last - begun) / 1e6, (long long)bytes, answers ? latency[answers / 2] : 0,
           answers ? latency[answers * 99 / 100] : 0);
    return 0;
}

static int stream(char **argument) {
    int64_t send = atoll(argument[2]), seconds = atoll(argument[5]);
    int chunked = atoi(argument[3]), hijack = atoi(argument[4]);
    static char block[BLOCK], head[HEAD_LIMIT], zeros[BLOCK];
    FILE *file = fopen(argument[1], "rb");
    if (!file) die(argument[1]);
    size_t head_size = fread(head, 1, sizeof head, file), head_sent = 0;
    fclose(file);
    if (chunked) send = send / CHUNK * CHUNK;
    int64_t framed = 0, sent = 0, received = 0;
    /* One chunk, framed, is sent again and again; its offset goes round. */
    static char chunk[CHUNK + 16];
    int chunk_size = snprintf(chunk, sizeof chunk, "%x\r\n", CHUNK) + CHUNK;
    memcpy(chunk + chunk_size, "\r\n", 2);
    chunk_size += 2;
    int64_t to_send = chunked ? send / CHUNK * chunk_size : send;
    static const char last_chunk[] = "0\r\n\r\n";
    int64_t tail_size = chunked ? 5 : 0;

    int fd = dial(argument[0]);
    struct reply reply;
    begin(&reply);
    int64_t begun = now_us(), first = 0, end = begun + seconds * 1000000, last = begun;
    int writing = 1, closed = 0, reset = 0;
    while (!closed) {
        int may_write = writing && (head_sent < head_size || !hijack || reply.state != HEAD);
        struct pollfd watch = {.fd = fd, .events = POLLIN | (may_write ? POLLOUT : 0)};
        int64_t left = end - now_us();
        if (left <= 0) break;
        if (poll(&watch, 1, (int)(left / 1000) + 1) < 0 && errno != EINTR) die("poll");
        if (watch.revents & POLLOUT) {
            ssize_t done = 0;
            if (head_sent < head_size) {
                done = write(fd, head + head_sent, head_size - head_sent);
                if (done > 0) head_sent += done;
            } else if (framed < to_send) {
                if (!first) first = now_us();
                if (chunked) {
                    int offset = framed % chunk_size;
                    done = write(fd, chunk + offset, chunk_size - offset);
                } else {
                    int64_t step = to_send - framed < BLOCK ? to_send - framed : BLOCK;
                    done = write(fd, zeros, step);
                }
                if (done > 0) framed += done;
            } else if (framed < to_send + tail_size) {
                done = write(fd, last_chunk + (framed - to_send), to_send + tail_size - framed);
                if (done > 0) framed += done;
            }
            if (done < 0 && errno != EAGAIN && errno != EINTR) {
                reset = 1;
                writing = 0;
            }
            if (writing && head_sent == head_size && framed == to_send + tail_size) {
                sent = send;
                writing = 0;
                if (hijack && reply.state == HEAD) writing = 1;
                else if (hijack && send) shutdown(fd, SHUT_WR);
            }
        }
        if (watch.revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t got = read(fd, block, sizeof block);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got < 0) reset = 1;
            if (got <= 0) {
                closed = 1;
                break;
            }
            last = now_us();
            size_t head_before = reply.head_length;
            int in_head = reply.state == HEAD;
            scan(&reply, block, got);
            received += got - (in_head ? reply.head_length - head_before : 0);
            if (received && !first) first = last;
            if (reply.state == DONE || reply.state == BROKEN) closed = 1;
            if (hijack && reply.state != HEAD && reply.status != 101 && reply.status != 200) closed = 1;
        }
    }
    last = now_us();
    close(fd);
    int complete = closed && !reset && (reply.state == DONE || reply.state == TO_THE_END);
    printf("{\"status\": %d, \"complete\": %s, \"sent\": %lld, \"received\": %lld, \"seconds\": %.6f}\n", reply.status,
           complete ? "true" : "false", (long long)sent, (long long)received, (last - (first ? first : begun)) / 1e6);
    return 0;
}

int main(int count, char **argument) {
    if (count == 7 && !strcmp(argument[1], "requests")) return requests(argument + 2);
    if (count == 8 && !strcmp(argument[1], "stream")) return stream(argument + 2);
    fprintf(stderr, "load: requests SOCKET PATH CONNECTIONS COUNT SECONDS\n"
                    "      stream SOCKET HEAD_FILE SEND CHUNKED HIJACK SECONDS\n");
    return 2;
}
