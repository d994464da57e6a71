-- A shop's database with what real ones have: foreign keys, sequences, identity, jsonb, bytea, arrays, enums, a partitioned
-- table, a view, a materialized view, a trigger, a function. The size is chosen at run time:
--
--   psql -v customers=1000 -f shop.sql        products = customers / 5, orders = 4 × customers, about 3 lines an order
--
-- The same size always makes the same rows.
\set ON_ERROR_STOP on
\if :{?customers} \else \set customers 1000 \endif
BEGIN;

CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped', 'returned');
CREATE SEQUENCE invoice_number START 100000 INCREMENT 7;

CREATE TABLE customers (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email       text NOT NULL UNIQUE,
  name        text NOT NULL,
  tags        text[] NOT NULL DEFAULT '{}',
  preferences jsonb NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL
);

CREATE TABLE products (
  id       serial PRIMARY KEY,
  sku      text NOT NULL UNIQUE,
  title    text NOT NULL,
  price    numeric(10, 2) NOT NULL CHECK (price > 0),
  weight_g real,
  image    bytea,
  stock    integer NOT NULL DEFAULT 0
);

CREATE TABLE orders (
  id          bigserial PRIMARY KEY,
  customer_id bigint NOT NULL REFERENCES customers ON DELETE CASCADE,
  invoice     bigint NOT NULL DEFAULT nextval('invoice_number') UNIQUE,
  status      order_status NOT NULL DEFAULT 'new',
  total       numeric(12, 2) NOT NULL DEFAULT 0,
  placed_at   timestamptz NOT NULL,
  note        text
);
CREATE INDEX orders_by_customer ON orders (customer_id, placed_at DESC);

CREATE TABLE order_lines (
  order_id   bigint NOT NULL REFERENCES orders ON DELETE CASCADE,
  line       smallint NOT NULL,
  product_id integer NOT NULL REFERENCES products,
  quantity   integer NOT NULL CHECK (quantity > 0),
  price      numeric(10, 2) NOT NULL,
  PRIMARY KEY (order_id, line)
);

CREATE TABLE events (
  id          bigint NOT NULL,
  happened_at timestamptz NOT NULL,
  kind        text NOT NULL,
  payload     jsonb NOT NULL,
  PRIMARY KEY (id, happened_at)
) PARTITION BY RANGE (happened_at);
CREATE TABLE events_2025_h1 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2025-07-01');
CREATE TABLE events_2025_h2 PARTITION OF events FOR VALUES FROM ('2025-07-01') TO ('2026-01-01');
CREATE TABLE events_other PARTITION OF events DEFAULT;

CREATE FUNCTION order_total(bigint) RETURNS numeric
  LANGUAGE sql STABLE AS 'SELECT coalesce(sum(quantity * price), 0) FROM order_lines WHERE order_id = $1';

CREATE FUNCTION keep_order_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE orders SET total = order_total(coalesce(NEW.order_id, OLD.order_id)) WHERE id = coalesce(NEW.order_id, OLD.order_id);
  RETURN NULL;
END $$;

INSERT INTO customers (email, name, tags, preferences, created_at)
SELECT format('customer%s@shop.example', n), format('Customer %s Ünïcode %s', n, chr(945 + n % 24)),
       ARRAY['tier' || n % 4, 'region' || n % 13],
       jsonb_build_object('newsletter', n % 3 = 0, 'language', (ARRAY['en', 'de', 'fr', 'ja'])[1 + n % 4], 'limits', jsonb_build_array(n, n * 2)),
       timestamptz '2025-01-01 00:00+00' + n * interval '7 minutes'
FROM generate_series(1, :customers) n;

INSERT INTO products (sku, title, price, weight_g, image, stock)
SELECT format('SKU-%s', lpad(n::text, 8, '0')), format('Product "%s", it''s number %s', md5(n::text), n), 1 + (n * 37 % 9999) / 100.0,
       n * 1.5, decode(repeat(md5((n * 31)::text), 1 + n % 20), 'hex'), n % 500
FROM generate_series(1, greatest(:customers / 5, 10)) n;

INSERT INTO orders (customer_id, status, placed_at, note)
SELECT 1 + n % :customers, (ARRAY['new', 'paid', 'shipped', 'returned']::order_status[])[1 + n % 4],
       timestamptz '2025-01-05 00:00+00' + n * interval '3 minutes', CASE WHEN n % 10 = 0 THEN repeat('note ' || n || E'\n', 1 + n % 5) END
FROM generate_series(1, :customers * 4) n;

INSERT INTO order_lines (order_id, line, product_id, quantity, price)
SELECT o.id, line, p.id, 1 + (o.id * line) % 5, p.price
FROM orders o CROSS JOIN generate_series(1, 3) line
JOIN products p ON p.id = 1 + (o.id * 13 + line * 7) % (SELECT count(*) FROM products)
WHERE line <= 1 + o.id % 4;

UPDATE orders SET total = sums.total
FROM (SELECT order_id, sum(quantity * price) AS total FROM order_lines GROUP BY order_id) sums WHERE sums.order_id = orders.id;

INSERT INTO events
SELECT n, timestamptz '2025-01-01 00:00+00' + n * interval '19 minutes', (ARRAY['view', 'cart', 'buy'])[1 + n % 3],
       jsonb_build_object('customer', 1 + n % :customers, 'path', '/p/' || n % 97, 'ms', n % 1000 / 3.0)
FROM generate_series(1, :customers * 10) n;

CREATE TRIGGER order_lines_total AFTER INSERT OR UPDATE OR DELETE ON order_lines FOR EACH ROW EXECUTE FUNCTION keep_order_total();
CREATE VIEW open_orders AS SELECT o.*, c.email FROM orders o JOIN customers c ON c.id = o.customer_id WHERE status IN ('new', 'paid');
CREATE MATERIALIZED VIEW revenue_by_month AS
  SELECT date_trunc('month', placed_at AT TIME ZONE 'UTC') AS month, count(*) AS orders, sum(total) AS revenue FROM orders GROUP BY 1;
CREATE UNIQUE INDEX revenue_by_month_key ON revenue_by_month (month);
COMMIT;
ANALYZE;
