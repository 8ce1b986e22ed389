"""What the program is measured against."""

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from engine.data import load


def notebook(epochs: int = 100, lr: float = 0.1) -> float:
    """The course notebook's loop with `DataLoader`, on its data; returns validation accuracy."""
    dataset = load("bundled", 1000)
    images = dataset.images.reshape(len(dataset), -1)
    parts = train_test_split(images, dataset.labels, test_size=0.2, random_state=42)
    x_train, x_val, y_train, y_val = map(torch.from_numpy, parts)
    train = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
    val = DataLoader(TensorDataset(x_val, y_val), batch_size=32)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    criterion = nn.CrossEntropyLoss()
    accuracy = 0.0
    for _ in range(epochs):
        model.train()
        losses, right = [], 0
        for x, y in train:
            logits = model(x)
            loss = criterion(logits, y)
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter -= lr * parameter.grad
            losses.append(loss.item())
            right += (logits.argmax(1) == y).sum().item()
        model.eval()
        with torch.no_grad():
            losses, right = [], 0
            for x, y in val:
                logits = model(x)
                losses.append(criterion(logits, y).item())
                right += (logits.argmax(1) == y).sum().item()
        accuracy = right / len(y_val)
        np.mean(losses)
    return accuracy
