/* A stand-in for Testcontainers' Ryuk, as its clients know it: listens at port 8080, takes lines of
   filters, answers each with ACK, and once its client is gone removes by these filters what
   there is, through the Docker socket that it was given. Then it ends. */

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH "/var/run/docker.sock"
#define MOST 64

static char reply[1 << 20];

/* One request; the whole reply, head and all, is left in `reply`. */
static void ask(const char *method, const char *target)
{
    char request[8192];
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SOCKET_PATH };
    int connection = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t length = 0;
    ssize_t got;
    if (connect(connection, (struct sockaddr *)&address, sizeof address) != 0) {
        perror(SOCKET_PATH);
        exit(1);
    }
    int size = snprintf(request, sizeof request,
                        "%s %s HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n", method, target);
    if (write(connection, request, size) != size)
        exit(1);
    while (length < sizeof reply - 1 &&
           (got = read(connection, reply + length, sizeof reply - 1 - length)) > 0)
        length += got;
    reply[length] = 0;
    close(connection);
    printf("%s %s: %.12s\n", method, target, reply);
}

/* Removes all that a list tells the ids of, but the container that this runs in. */
static void remove_all(const char *list, const char *filter, const char *path, const char *query)
{
    static const char key[] = "\"Id\":\"";
    char target[4096], names[MOST][128], own[13] = "";
    int count = 0;
    gethostname(own, sizeof own - 1);
    snprintf(target, sizeof target, "%s%s", list, filter);
    ask("GET", target);
    for (char *at = reply; count < MOST && (at = strstr(at, key)) != NULL; count++) {
        at += strlen(key);
        snprintf(names[count], sizeof names[count], "%.*s", (int)strcspn(at, "\""), at);
    }
    for (int each = 0; each < count; each++) {
        if (strncmp(names[each], own, 12) == 0)
            continue;
        snprintf(target, sizeof target, "%s/%s%s", path, names[each], query);
        ask("DELETE", target);
    }
}

/* label=NAME=VALUE as {"label":["NAME=VALUE"]}, percent-encoded. */
static void encode(const char *line, char *to, size_t size)
{
    char json[1024];
    size_t kind = strcspn(line, "=");
    snprintf(json, sizeof json, "{\"%.*s\":[\"%s\"]}", (int)kind, line, line + kind + 1);
    *to = 0;
    for (const char *at = json; *at && strlen(to) + 4 < size; at++)
        sprintf(to + strlen(to), isalnum((unsigned char)*at) ? "%c" : "%%%02X", (unsigned char)*at);
}

int main(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(8080) };
    static char filters[MOST][4096];
    char line[1024];
    int on = 1, count = 0, server = socket(AF_INET, SOCK_STREAM, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(server, (struct sockaddr *)&address, sizeof address) != 0 || listen(server, 8) != 0) {
        perror("port 8080");
        return 1;
    }
    printf("ryuk: Started!\n");
    while (count == 0) {
        FILE *client = fdopen(accept(server, NULL, NULL), "r+");
        if (client == NULL)
            return 1;
        while (count < MOST && fgets(line, sizeof line, client) != NULL) {
            line[strcspn(line, "\r\n")] = 0;
            encode(line, filters[count++], sizeof filters[0]);
            fseek(client, 0, SEEK_CUR);
            fprintf(client, "ACK\n");
            fflush(client);
        }
        fclose(client);
    }
    for (int each = 0; each < count; each++) {
        remove_all("/containers/json?all=1&filters=", filters[each], "/containers",
                   "?force=1&v=1");
        remove_all("/networks?filters=", filters[each], "/networks", "");
    }
    printf("ryuk: done\n");
    return 0;
}
