// The VNC server library libvncserver, 0.9.13 or later: loaded when a display needs it, because it brings GnuTLS, libgcrypt and
// libjpeg along. Its structures are touched here alone.
#ifndef CVNC_H
#define CVNC_H

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <rfb/rfb.h>

// The functions of libvncserver that are used.
struct cvnc_functions {
  __typeof__(rfbGetScreen) *get_screen;
  __typeof__(rfbInitServer) *init_server;
  __typeof__(rfbNewClient) *new_client;
  __typeof__(rfbProcessEvents) *process_events;
  __typeof__(rfbCloseClient) *close_client;
  __typeof__(rfbMarkRectAsModified) *mark_as_modified;
  __typeof__(rfbShutdownServer) *shut_down;
  __typeof__(rfbScreenCleanup) *clean_up;
  __typeof__(rfbCheckPasswordByList) *check_password;
  __typeof__(rfbEncryptBytes) *encrypt;
  __typeof__(rfbLogEnable) *enable_log;
};

// Loads the library named as dlopen(3) takes it, for good. Returns NULL, or else why it could not be: a text that lasts
// until the thread's next call of the loader.
static inline const char *cvnc_load(const char *name, struct cvnc_functions *functions) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
// In two steps, because rfbInitServer is a macro.
#define CVNC_FIND_NAMED(member, symbol)                                      \
  functions->member = (__typeof__(functions->member))dlsym(library, #symbol); \
  if (functions->member == NULL) return dlerror();
#define CVNC_FIND(member, symbol) CVNC_FIND_NAMED(member, symbol)
  CVNC_FIND(get_screen, rfbGetScreen)
  CVNC_FIND(init_server, rfbInitServer)
  CVNC_FIND(new_client, rfbNewClient)
  CVNC_FIND(process_events, rfbProcessEvents)
  CVNC_FIND(close_client, rfbCloseClient)
  CVNC_FIND(mark_as_modified, rfbMarkRectAsModified)
  CVNC_FIND(shut_down, rfbShutdownServer)
  CVNC_FIND(clean_up, rfbScreenCleanup)
  CVNC_FIND(check_password, rfbCheckPasswordByList)
  CVNC_FIND(encrypt, rfbEncryptBytes)
  CVNC_FIND(enable_log, rfbLogEnable)
#undef CVNC_FIND
#undef CVNC_FIND_NAMED
  // Clients would fill standard error otherwise.
  functions->enable_log(0);
  // libgcrypt reads files at its first use, which may be forbidden later.
  unsigned char bytes[16] = {0};
  char password[] = "password";
  functions->encrypt(bytes, password);
  return NULL;
}

// What the server tells its owner, during cvnc_process and cvnc_add_client.
struct cvnc_events {
  void *context;
  // A key of X11's went down or up.
  void (*key)(void *context, int is_down, uint32_t symbol);
  // The pointer is at a place, with buttons: bit 0 the left one, 1 the middle, 2 the right, 3 and 4 the wheel up and down.
  void (*pointer)(void *context, uint32_t buttons, int32_t x, int32_t y);
  // The connection of a client is closed.
  void (*gone)(void *context, uint64_t client);
};

// VNC's authentication uses as many bytes of a password.
#define CVNC_PASSWORD_BYTES 8

// A server, which listens nowhere: its owner accepts connections.
struct cvnc_server {
  struct cvnc_functions functions;
  struct cvnc_events events;
  rfbScreenInfoPtr screen;
  char name[64];
  char password[CVNC_PASSWORD_BYTES + 1];
  char *passwords[2];
};

static inline void cvnc_take_key(rfbBool is_down, rfbKeySym symbol, rfbClientPtr client) {
  struct cvnc_server *server = client->screen->screenData;
  server->events.key(server->events.context, is_down != 0, symbol);
}

static inline void cvnc_take_pointer(int buttons, int x, int y, rfbClientPtr client) {
  struct cvnc_server *server = client->screen->screenData;
  server->events.pointer(server->events.context, (uint32_t)buttons, x, y);
}

static inline void cvnc_take_end(rfbClientPtr client) {
  struct cvnc_server *server = client->screen->screenData;
  server->events.gone(server->events.context, (uint64_t)(uintptr_t)client->clientData);
}

// Makes a server of `picture`, which has rows of `width` pixels with blue in the lowest byte, and which the caller keeps. Returns
// NULL where memory is missing.
//
// `password` is NULL for a server without one. `wait_milliseconds`: how long a client may stop in the middle of a message.
static inline struct cvnc_server *cvnc_open(
    const struct cvnc_functions *functions, const struct cvnc_events *events, void *picture, int width, int height,
    const char *name, const char *password, int wait_milliseconds) {
  struct cvnc_server *server = calloc(1, sizeof *server);
  if (server == NULL) return NULL;
  server->functions = *functions;
  server->events = *events;
  rfbScreenInfoPtr screen = functions->get_screen(NULL, NULL, width, height, 8, 3, 4);
  if (screen == NULL) {
    free(server);
    return NULL;
  }
  server->screen = screen;
  strncpy(server->name, name, sizeof server->name - 1);
  screen->screenData = server;
  screen->desktopName = server->name;
  screen->frameBuffer = picture;
  screen->serverFormat.redShift = 16;
  screen->serverFormat.greenShift = 8;
  screen->serverFormat.blueShift = 0;
  // The guest draws its own.
  screen->cursor = NULL;
  screen->port = 0;
  screen->ipv6port = 0;
  screen->autoPort = FALSE;
  screen->httpDir = NULL;
  screen->udpPort = 0;
  screen->permitFileTransfer = FALSE;
  screen->alwaysShared = TRUE;
  screen->deferUpdateTime = 0;
  screen->maxClientWait = wait_milliseconds;
  screen->kbdAddEvent = cvnc_take_key;
  screen->ptrAddEvent = cvnc_take_pointer;
  if (password != NULL) {
    strncpy(server->password, password, CVNC_PASSWORD_BYTES);
    server->passwords[0] = server->password;
    screen->authPasswdData = server->passwords;
    screen->passwordCheck = functions->check_password;
  }
  functions->init_server(screen);
  return server;
}

// Ends all connections and frees the server. Ignores NULL.
static inline void cvnc_close(struct cvnc_server *server) {
  if (server == NULL) return;
  server->functions.shut_down(server->screen, TRUE);
  // The owner's.
  server->screen->frameBuffer = NULL;
  server->functions.clean_up(server->screen);
  free(server);
}

// Takes over a nonblocking connection of client number `client`, and greets the client. Returns 0, or -1 if the connection is
// closed already; `gone` is not called then.
static inline int cvnc_add_client(struct cvnc_server *server, int descriptor, uint64_t number) {
  // The library keeps descriptors in an fd_set.
  if (descriptor < 0 || descriptor >= FD_SETSIZE) {
    if (descriptor >= 0) close(descriptor);
    return -1;
  }
  rfbClientPtr client = server->functions.new_client(server->screen, descriptor);
  if (client == NULL) return -1;
  client->clientData = (void *)(uintptr_t)number;
  client->clientGoneHook = cvnc_take_end;
#ifdef LIBVNCSERVER_WITH_WEBSOCKETS
  // A page of any web site could reach a server of this host through its viewer's browser.
  if (client->wsctx != NULL || client->sslctx != NULL) server->functions.close_client(client);
#endif
  return 0;
}

// Takes a message of each client that has sent one, and sends updates.
static inline void cvnc_process(struct cvnc_server *server) {
  server->functions.process_events(server->screen, 0);
}

// Tells that rows of the picture have changed.
static inline void cvnc_mark_rows(struct cvnc_server *server, int first, int end) {
  server->functions.mark_as_modified(server->screen, 0, first, server->screen->width, end);
}

// A nonblocking socket that listens at an address and a port in the host's byte order; port 0 takes any. Returns it, or -errno.
static inline int cvnc_listen(uint32_t address, uint16_t port) {
  struct sockaddr_in place = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(address)}};
  int result = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (result < 0) return -errno;
  int yes = 1;
  if (setsockopt(result, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
      bind(result, (struct sockaddr *)&place, sizeof place) == 0 && listen(result, 8) == 0)
    return result;
  int error = -errno;
  close(result);
  return error;
}

// The port that a socket listens at, or -errno.
static inline int cvnc_port(int descriptor) {
  struct sockaddr_in place = {0};
  socklen_t length = sizeof place;
  return getsockname(descriptor, (struct sockaddr *)&place, &length) < 0 ? -errno : ntohs(place.sin_port);
}

#endif
