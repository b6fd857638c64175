"""What graphs that write text token by token have in common, whatever they hear with: layers, the loop, the tensors."""
