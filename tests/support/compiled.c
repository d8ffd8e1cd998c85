// Built-in policies in C, against version 1 of the structs that sor.Compiled documents.
#include <stdint.h>

typedef struct {
    int64_t version, now, start, end, sign, quantity, lot, remaining, in_flight, mid, venues, resting, reports,
        parameters, memory, capacity, next_order;
} moment;
typedef struct {
    int64_t price, displayed, available, own_price, own_displayed, joinable, age, taker_fee, maker_rebate, latency;
} venue;
typedef struct {
    int64_t order, venue, price, left, ahead, decided, until;
} resting;
typedef struct {
    int64_t order, kind, venue, ts, executed, price, left, reason, returned;
} report;
typedef struct {
    int64_t kind, venue, quantity, price, until, order;
} order;

#define DEFAULT INT64_MIN

int64_t best_ask(const moment *m, const venue *v, const resting *r, const report *p, const double *x, int64_t *state,
                 order *out) {
    int64_t best = -1;
    for (int64_t i = 0; i < m->venues; i++) {
        if (v[i].displayed == 0) continue;
        int64_t better = best < 0 ? 1 : m->sign * (v[best].price - v[i].price);
        if (better > 0 || (better == 0 && v[i].available > v[best].available)) best = i;
    }
    if (best < 0) return 0;
    int64_t quantity = v[best].available < m->remaining ? v[best].available : m->remaining;
    if (quantity <= 0) return 0;
    out[0] = (order){1, best, quantity, DEFAULT, DEFAULT, 0};
    return 1;
}

// Rests what is left at the best own price, for x[0] nanoseconds; counts its decisions and what it was told.
int64_t rests(const moment *m, const venue *v, const resting *r, const report *p, const double *x, int64_t *state,
              order *out) {
    state[0] += 1;
    for (int64_t i = 0; i < m->reports; i++) state[1] += p[i].executed;
    int64_t sent = 0, left = m->remaining;
    for (int64_t i = 0; i < m->resting; i++) left -= r[i].left;
    for (int64_t i = 0; i < m->venues && left > 0; i++) {
        if (!v[i].joinable) continue;
        out[sent++] = (order){2, i, left < m->lot ? left : m->lot, DEFAULT, m->now + (int64_t)x[0], 0};
        left -= m->lot;
    }
    out[sent++] = (order){4, 0, 0, 0, m->now + (int64_t)x[0] + 1, 0};
    return sent;
}

// Answers with what the parameters say.
int64_t says(const moment *m, const venue *v, const resting *r, const report *p, const double *x, int64_t *state,
             order *out) {
    if (m->version != 1 || m->parameters != 7) return -99;
    out[0] = (order){(int64_t)x[1], (int64_t)x[2], (int64_t)x[3], x[4] == 0 ? DEFAULT : (int64_t)x[4],
                     x[5] == 0 ? DEFAULT : (int64_t)x[5], (int64_t)x[6]};
    return (int64_t)x[0];
}

// Fill models in C, against version 1 of the structs that sor.CompiledFill documents.
typedef struct {
    int64_t version, now, sign, quantity, venue, price, displayed, available, age, parameters;
    double queue_position;
} fill;
typedef struct {
    double shares;
    int64_t price;
} answer;

int64_t thins(const fill *f, const double *x, answer *out) {
    int64_t most = f->quantity < f->available ? f->quantity : f->available;
    double share = f->parameters > 0 ? x[0] : 0.5;
    out->shares = most * (share * f->displayed / (f->displayed + most));
    out->price = f->price + f->sign * (f->age % 7 + f->now % 3);
    return f->version == 1 ? 0 : -1;
}

int64_t says_nothing(const fill *f, const double *x, answer *out) { return 0; }

int64_t fails(const fill *f, const double *x, answer *out) { return 7; }
