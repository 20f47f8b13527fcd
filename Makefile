.PHONY: up test check

up:
	./quintet up

test:
	./quintet test

check:
	./.ci/run
