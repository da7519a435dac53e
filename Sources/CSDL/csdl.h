// The window library SDL 2: loaded when a display needs it. Its structures are touched here alone.
#ifndef CSDL_H
#define CSDL_H

#define SDL_MAIN_HANDLED
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <SDL2/SDL.h>

// The functions of SDL that are used.
struct csdl_functions {
  __typeof__(SDL_SetHint) *set_hint;
  __typeof__(SDL_Init) *init;
  __typeof__(SDL_Quit) *quit;
  __typeof__(SDL_GetError) *error;
  __typeof__(SDL_CreateWindow) *create_window;
  __typeof__(SDL_DestroyWindow) *destroy_window;
  __typeof__(SDL_SetWindowTitle) *set_title;
  __typeof__(SDL_GetWindowSurface) *window_surface;
  __typeof__(SDL_UpdateWindowSurfaceRects) *update_window;
  __typeof__(SDL_CreateRGBSurfaceFrom) *create_surface;
  __typeof__(SDL_FreeSurface) *free_surface;
  __typeof__(SDL_UpperBlit) *blit;
  __typeof__(SDL_WaitEventTimeout) *wait_event;
  __typeof__(SDL_SetRelativeMouseMode) *set_relative_mouse;
};

// Loads the library named as dlopen(3) takes it, for good. Returns NULL, or else why it could not be: a text that lasts
// until the thread's next call of the loader.
static inline const char *csdl_load(const char *name, struct csdl_functions *functions) {
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return dlerror();
#define CSDL_FIND(member, symbol)                                            \
  functions->member = (__typeof__(functions->member))dlsym(library, #symbol); \
  if (functions->member == NULL) return dlerror();
  CSDL_FIND(set_hint, SDL_SetHint)
  CSDL_FIND(init, SDL_Init)
  CSDL_FIND(quit, SDL_Quit)
  CSDL_FIND(error, SDL_GetError)
  CSDL_FIND(create_window, SDL_CreateWindow)
  CSDL_FIND(destroy_window, SDL_DestroyWindow)
  CSDL_FIND(set_title, SDL_SetWindowTitle)
  CSDL_FIND(window_surface, SDL_GetWindowSurface)
  CSDL_FIND(update_window, SDL_UpdateWindowSurfaceRects)
  CSDL_FIND(create_surface, SDL_CreateRGBSurfaceFrom)
  CSDL_FIND(free_surface, SDL_FreeSurface)
  CSDL_FIND(blit, SDL_UpperBlit)
  CSDL_FIND(wait_event, SDL_WaitEventTimeout)
  CSDL_FIND(set_relative_mouse, SDL_SetRelativeMouseMode)
#undef CSDL_FIND
  return NULL;
}

// What happened in a window.
enum csdl_event_kind {
  CSDL_NOTHING,
  // Something that does not matter.
  CSDL_OTHER,
  // `code` is the number of the key in HID's usage page 7.
  CSDL_KEY_DOWN,
  CSDL_KEY_UP,
  // `right`, `down` and `wheel` (towards the user) are distances, `buttons` those that are held: bit 0 the left one, 1 the
  // middle, 2 the right.
  CSDL_POINTER,
  // The window has to be drawn again.
  CSDL_EXPOSED,
  // The keyboard is another window's.
  CSDL_FOCUS_LOST,
  // The window is to be closed.
  CSDL_CLOSE,
};

struct csdl_event {
  enum csdl_event_kind kind;
  uint32_t code;
  int32_t right, down, wheel;
  uint32_t buttons;
};

// A window, of the thread that opened it.
struct csdl_window {
  struct csdl_functions functions;
  SDL_Window *window;
  SDL_Surface *picture;
  uint32_t buttons;
};

static inline void csdl_close(struct csdl_window *window) {
  if (window == NULL) return;
  if (window->picture != NULL) window->functions.free_surface(window->picture);
  if (window->window != NULL) window->functions.destroy_window(window->window);
  window->functions.quit();
  free(window);
}

// Opens a window of `picture`, which has rows of `width` pixels with blue in the lowest byte, and which the caller keeps. Returns NULL
// where that fails; the reason is what `functions->error` returns.
static inline struct csdl_window *csdl_open(
    const struct csdl_functions *functions, void *picture, int width, int height, const char *title) {
  // Signals are their owner's, and pixels are copied without OpenGL, whose drivers start threads and open files.
  functions->set_hint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
  functions->set_hint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
  functions->set_hint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
  struct csdl_window *window = (struct csdl_window *)calloc(1, sizeof *window);
  if (window == NULL) return NULL;
  window->functions = *functions;
  if (functions->init(SDL_INIT_VIDEO) != 0) {
    free(window);
    return NULL;
  }
  window->picture =
      functions->create_surface(picture, width, height, 32, width * 4, 0xFF0000, 0xFF00, 0xFF, 0);
  if (window->picture != NULL)
    window->window = functions->create_window(
        title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, width, height, SDL_WINDOW_SHOWN);
  // Made now, because it needs memory that is shared with the X server.
  if (window->window == NULL || functions->window_surface(window->window) == NULL) {
    csdl_close(window);
    return NULL;
  }
  return window;
}

// Shows rows of the picture.
static inline void csdl_show_rows(struct csdl_window *window, int first, int end) {
  SDL_Surface *surface = window->functions.window_surface(window->window);
  if (surface == NULL) return;
  SDL_Rect rows = {0, first, window->picture->w, end - first};
  SDL_Rect target = rows;
  window->functions.blit(window->picture, &rows, surface, &target);
  window->functions.update_window(window->window, &rows, 1);
}

static inline void csdl_set_title(struct csdl_window *window, const char *title) {
  window->functions.set_title(window->window, title);
}

// Gives the pointer to the window, which then gets its movements alone, or back.
static inline void csdl_grab_pointer(struct csdl_window *window, int is_grabbed) {
  window->functions.set_relative_mouse(is_grabbed ? SDL_TRUE : SDL_FALSE);
}

static inline uint32_t csdl_button(uint8_t button) {
  switch (button) {
    case SDL_BUTTON_LEFT: return 1 << 0;
    case SDL_BUTTON_MIDDLE: return 1 << 1;
    case SDL_BUTTON_RIGHT: return 1 << 2;
    default: return 0;
  }
}

// The next event, after at most as many milliseconds; CSDL_NOTHING if there is none.
static inline struct csdl_event csdl_next(struct csdl_window *window, int timeout_milliseconds) {
  SDL_Event event;
  struct csdl_event result = {.kind = CSDL_OTHER};
  if (!window->functions.wait_event(&event, timeout_milliseconds)) {
    result.kind = CSDL_NOTHING;
    return result;
  }
  switch (event.type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
      result.kind = event.type == SDL_KEYDOWN ? CSDL_KEY_DOWN : CSDL_KEY_UP;
      result.code = (uint32_t)event.key.keysym.scancode;
      break;
    case SDL_MOUSEMOTION:
      result.kind = CSDL_POINTER;
      result.right = event.motion.xrel;
      result.down = event.motion.yrel;
      break;
    case SDL_MOUSEBUTTONDOWN:
      result.kind = CSDL_POINTER;
      window->buttons |= csdl_button(event.button.button);
      break;
    case SDL_MOUSEBUTTONUP:
      result.kind = CSDL_POINTER;
      window->buttons &= ~csdl_button(event.button.button);
      break;
    case SDL_MOUSEWHEEL:
      result.kind = CSDL_POINTER;
      result.wheel = -event.wheel.y;
      break;
    case SDL_WINDOWEVENT:
      if (event.window.event == SDL_WINDOWEVENT_EXPOSED) result.kind = CSDL_EXPOSED;
      if (event.window.event == SDL_WINDOWEVENT_FOCUS_LOST) result.kind = CSDL_FOCUS_LOST;
      break;
    case SDL_QUIT: result.kind = CSDL_CLOSE; break;
    default: break;
  }
  result.buttons = window->buttons;
  return result;
}

#endif
