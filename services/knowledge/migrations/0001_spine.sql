CREATE TABLE win_count (
    period text COLLATE "C" NOT NULL,
    partition smallint NOT NULL,
    deals bigint NOT NULL,
    PRIMARY KEY (period, partition)
);
