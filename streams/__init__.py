"""What moves through Kafka: records, topics, windows, the agents that publish and the worker that forecasts."""
